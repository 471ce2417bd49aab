"""One field of a message written anew."""

from __future__ import annotations

import pytest

from adapters.hl7v2.format import Hl7v2
from engine.fault import Fault

BODY = b"MSH|^~\\&|A|B|C|D|2026||ORU^R01|1|P|2.5\rPID|1||7^^^H~8\rOBX|1|NM|X||7.1\rOBX|2|NM|Y||8\r"
CASES = [
    ("OBX[2]-5", "9.20", b"OBX|2|NM|Y||8", b"OBX|2|NM|Y||9.20"),
    ("OBX-8", "H", b"OBX|1|NM|X||7.1", b"OBX|1|NM|X||7.1|||H"),
    ("PID-3[2].4", "G", b"~8", b"~8^^^G"),
    ("PID-3.4.2", "1.2", b"7^^^H", b"7^^^H&1.2"),
    ("PID-3", "", b"7^^^H~8", b""),
    ("MSH-9.1", "ADT", b"ORU^R01", b"ADT^R01"),
    ("MSH-3", "Z", b"|A|B", b"|Z|B"),
]


@pytest.mark.parametrize(("path", "text", "old", "new"), CASES, ids=[case[0] for case in CASES])
def test_only_that_field_changes(path: str, text: str, old: bytes, new: bytes) -> None:
    assert Hl7v2().change(BODY, path, text) == BODY.replace(old, new, 1)


@pytest.mark.parametrize("path", ["OBX[3]-5", "PV1-2", "OBX.5"])
def test_what_is_not_there_cannot_be_changed(path: str) -> None:
    assert isinstance(Hl7v2().change(BODY, path, "x"), Fault)
