"""What is no ECG, or an archive or a polyglot that hides one, is refused; no name leads out of its archive."""

from __future__ import annotations

import gzip
import zlib

import ecg_made as made
import pytest
from ecg_seeds import ROWS, archive

from adapters.ecg import Recording, read
from engine.fault import Fault


def test_archives_are_opened_within_bounds_only() -> None:
    bomb = archive({"a.hea": b"x" * 60_000_000})
    many = archive({f"{n}.xml": b"<a/>" for n in range(200)})
    nested = archive({"a.zip": archive({"a.xml": b"<a/>"})})
    for body in (bomb, many, nested, archive({}), archive({"a.dat": b"1", "b.dat": b"2"}), bomb[:-40]):
        found = read(body)
        assert isinstance(found, Fault)
        assert found.code in ("E160", "E150")


def test_names_that_climb_are_base_names_and_nothing_else() -> None:
    files = made.wfdb_files(ROWS, "16")
    found = read(archive({f"../../etc/{name}": data for name, data in files.items()}))
    assert isinstance(found, Recording)
    header = files["made.hea"].replace(b"made.dat", b"../../../../etc/passwd")
    escape = read(archive({"made.hea": header, "made.dat": files["made.dat"]}))
    assert isinstance(escape, Fault)
    assert escape.code == "E159"


@pytest.mark.parametrize(
    "body",
    [
        gzip.compress(b"<a/>", mtime=0),
        zlib.compress(b"<a/>"),
        b"%PDF-1.7",
        b"\x89PNG\r\n",
        b"GIF89a",
        b"\x7fELF",
        b"",
        b"\0" * 600,
        b"hello",
    ],
)
def test_what_is_no_ecg_is_refused(body: bytes) -> None:
    found = read(body)
    assert isinstance(found, Fault)
    assert found.code in ("E150", "E151")


def test_a_polyglot_is_read_as_what_it_begins_with_or_refused() -> None:
    hidden = b"<AnnotatedECG>".ljust(128) + b"DICM" + b"</AnnotatedECG>"
    assert isinstance(read(hidden), Fault)
