"""A file posted as a form is the message; several are one archive."""

from __future__ import annotations

import io
import zipfile

from adapters.http.form import posted
from engine.fault import Fault


def test_several_files_of_a_form_are_one_archive_and_the_same_one_each_time() -> None:
    def form(*files: tuple[str, bytes]) -> bytes:
        head = b'--xy\r\nContent-Disposition: form-data; name="file"; filename="%s"\r\n\r\n'
        return b"".join(head % name.encode() + body + b"\r\n" for name, body in files) + b"--xy--\r\n"

    two = form(("C:\\x\\r.hea", b"head"), ("../../r.dat", b"\r\n--x"))
    found = posted(two, "multipart/form-data; boundary=xy")
    assert isinstance(found, bytes)
    with zipfile.ZipFile(io.BytesIO(found)) as archive:
        assert {name: archive.read(name) for name in archive.namelist()} == {"r.hea": b"head", "r.dat": b"\r\n--x"}
    assert posted(two, "multipart/form-data; boundary=xy") == found
    assert posted(form(("a", b"1"), ("b", b"")), "multipart/form-data; boundary=xy") == b"1"


def test_a_file_posted_as_a_form_is_the_message() -> None:
    head = b'--x"y\r\nContent-Disposition: form-data; name="note"\r\n\r\nhello\r\n'
    file = b'--x"y\r\nContent-Disposition: form-data; name="file"; filename="a.dcm"\r\nContent-Type: x/y\r\n\r\n\x00\r\n\r\nab\r\n--x"y--\r\n'
    mark = 'multipart/form-data; boundary=x"y'
    plain = head.replace(b'x"y', b"xy") + file.replace(b'x"y', b"xy")
    assert posted(plain, "multipart/form-data; boundary=xy") == b"\x00\r\n\r\nab"
    assert posted(plain, 'Multipart/Form-Data; boundary="xy"') == b"\x00\r\n\r\nab"
    assert posted(plain, "application/octet-stream") == plain
    for body, kind in ((head, "multipart/form-data; boundary=xy"), (plain, "multipart/form-data"), (b"", mark)):
        fault = posted(body, kind)
        assert isinstance(fault, Fault)
        assert fault.code == "E904"
