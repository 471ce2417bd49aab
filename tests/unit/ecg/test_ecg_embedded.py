"""ECGs in HL7 messages as carts send them."""

from __future__ import annotations

import base64
import io
import time
import zipfile

import ecg_made as made
import pytest

from adapters.ecg.embedded import encapsulated, holds_ecg

ECG = made.aecg(made.tracing(2, 50), family="O'Neil & |Co|^~\\")
CODED, PAGE = base64.b64encode(ECG), base64.b64encode(b"%PDF-1.4 a page")
HEAD = b"MSH|^~\\&|CART|A|B|C|2024||ORU^R01|1|P|2.5\rPID|1||1\r"


def obx(*values: bytes) -> bytes:
    return HEAD + b"".join(b"OBX|%d|ED|x||%s||||||F\r" % (n, value) for n, value in enumerate(values, 1))


def lines(mark: bytes) -> bytes:
    return mark.join(CODED[at : at + 76] for at in range(0, len(CODED), 76))


ESCAPED = ECG
for sign, name in ((b"\\", b"\\E\\"), (b"|", b"\\F\\"), (b"^", b"\\S\\"), (b"&", b"\\T\\"), (b"~", b"\\R\\")):
    ESCAPED = ESCAPED.replace(sign, name)


@pytest.mark.parametrize(
    "message",
    [
        obx(b"^application^xml^Base64^" + CODED),
        obx(b"^application^pdf^Base64^" + PAGE, b"^application^xml^Base64^" + CODED),
        obx(b"^application^pdf^Base64^" + PAGE + b"~^application^xml^Base64^" + CODED),
        obx(b"^application^pdf^Base64^****", b"^application^xml^BASE64^" + CODED),
        obx(b"^application^xml^Base64^" + lines(b" ")),
        obx(b"^application^xml^Base64^" + lines(b"\\.br\\")),
        obx(b"^application^xml^Base64^" + lines(b"\\X0D0A\\")),
        obx(b"^text^xml^A^" + ESCAPED),
    ],
)
def test_the_ecg_is_found_whatever_stands_before_it_and_however_it_is_written(message: bytes) -> None:
    assert encapsulated(message) == ECG


def test_where_no_file_is_an_ecg_the_first_one_is_meant_and_where_there_is_none_the_message() -> None:
    assert encapsulated(obx(b"^application^pdf^Base64^" + PAGE, b"^image^png^Base64^" + PAGE)) == b"%PDF-1.4 a page"
    assert encapsulated(obx(b"^application^pdf^Base64^****")) == b""
    for message in (obx(), obx(b"^application^pdf^Hex^00"), HEAD + b"OBX|1|TX|ED||a|ED|\r"):
        assert encapsulated(message) is message


def test_escapes_without_end_take_no_time() -> None:
    began = time.process_time()
    encapsulated(obx(b"^text^xml^A^" + b"\\" * 2_000_001))
    encapsulated(obx(b"^text^xml^A^\\X" + b"41" * 1_000_000 + b"\\"))
    assert time.process_time() - began < 1


def test_a_zip_is_an_ecg_when_it_holds_a_header_of_wfdb() -> None:
    for name, told in (("a/r.hea", True), ("word/document.xml", False)):
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w") as archive:
            archive.writestr(name, "r 1 500 2")
        assert holds_ecg(out.getvalue()) is told
    assert holds_ecg(b"\xffBIOSEMI" + bytes(300))
