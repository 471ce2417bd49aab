"""Names and statements of SCP-ECG records in the character set that byte 16 of the acquiring device's tag names."""

from __future__ import annotations

import struct
from dataclasses import replace

import ecg_made as made
import pytest
from ecg_read_back import good
from hypothesis import given
from hypothesis import strategies as st

from adapters.ecg.recording import Device, Patient, Recording, Statement
from adapters.ecg.whole import Written
from adapters.ecg.write.scp import write

LEADS = {3: made.scp_leads(1, 100), 6: made.scp_block([made.tracing(1, 100)[0]], 0, False)}


def tag(number: int, data: bytes) -> bytes:
    return struct.pack("<BH", number, len(data)) + data


def record(
    code: int | None, family: bytes, given: bytes = b"", said: bytes = b"", end: bytes = b"\0", tags: bytes = b""
) -> bytes:
    """One lead, a name and a statement; the texts of the device stand behind its 36 bytes, the language's code is byte 16."""
    texts = b"" if code is None else b"".join(part + end for part in (b"", b"", b"", b"", family))
    device = bytes(16) + bytes([code or 0]) + bytes(19) + texts
    patient = tag(0, family + end) + tag(1, given + end) + tags + (b"" if code is None else tag(14, device)) + tag(255, b"")
    statements = bytes(8) + bytes([1]) + tag(1, said + end)
    return made.scp(LEADS | {1: patient, 8: statements})


KNOWN = [
    (0x01, "latin-1", "Müller", "Jörg", "Normales EKG, Größe gemäß Norm"),
    (0x05, "latin-1", "Müller", "Jörg", "Änderung"),
    (0x03, "iso8859-2", "Wałęsa", "Žofie", "Migotanie przedsionków"),
    (0x0B, "iso8859-4", "Bērziņš", "Jānis", "Ātriju fibrilācija"),
    (0x13, "iso8859-5", "Иванов", "Пётр", "Синусовый ритм"),
    (0x1B, "iso8859-6", "محمد", "علي", "طبيعي"),
    (0x23, "iso8859-7", "Παπαδόπουλος", "Γιώργος", "Φυσιολογικό"),
    (0x2B, "iso8859-8", "כהן", "דוד", "תקין"),
    (0x33, "iso8859-11", "สมชาย", "ใจดี", "ปกติ"),
    (0x3B, "iso8859-15", "Œuvré", "Šárka", "5 €"),
    (0x0F, "shift_jis", "ﾔﾏﾀﾞ", "ﾀﾛｳ", "ｾｲｼﾞｮｳ"),
    (0x17, "euc_jp", "山田", "太郎", "正常洞調律"),
    (0x17, "iso2022_jp", "山田", "太郎", "正常洞調律"),
    (0x1F, "euc_jp", "山田", "太郎", "正常"),
    (0x27, "gb2312", "王", "小明", "窦性心律"),
    (0x2F, "euc_kr", "김", "철수", "정상"),
    (0x37, "utf-8", "王 Müller", "Ελένη", "Нормальная ЭКГ"),
]


@pytest.mark.parametrize(("code", "codec", "family", "first", "said"), KNOWN)
def test_texts_are_read_in_the_character_set_the_record_names(code: int, codec: str, family: str, first: str, said: str) -> None:
    one = good(record(code, family.encode(codec), first.encode(codec), said.encode(codec)))
    assert (one.patient.family, one.patient.given, one.statements[0].text) == (family, first, said)
    assert one.device.manufacturer == family
    assert one.warnings == ()


def test_texts_of_two_bytes_a_letter_end_with_two_zeros_in_either_order() -> None:
    little = good(record(0x07, "Wałęsa 王Ā".encode("utf-16-le"), "Žofie".encode("utf-16-le"), "正".encode("utf-16-le"), b"\0\0"))
    assert (little.patient.family, little.patient.given, little.statements[0].text) == ("Wałęsa 王Ā", "Žofie", "正")
    marked = good(record(0x07, "王".encode("utf-16"), "Ā".encode("utf-16"), "正".encode("utf-16"), b"\0\0"))
    assert (marked.patient.family, marked.patient.given, marked.statements[0].text) == ("王", "Ā", "正")


@pytest.mark.parametrize("code", [None, 0x00, 0x02, 0x01])
def test_where_no_set_is_named_or_the_usual_ones_utf8_is_told_by_its_bytes(code: int | None) -> None:
    one = good(record(code, "Müller".encode(), "Jörg".encode("latin-1")))
    assert (one.patient.family, one.patient.given) == ("Müller", "Jörg")


def test_an_unknown_code_and_bytes_that_do_not_fit_are_told_and_read_as_without_it() -> None:
    unknown = good(record(0x7F, "Müller".encode("latin-1")))
    assert unknown.patient.family == "Müller"
    assert unknown.warnings == ("the character set of the texts is not known",)
    assert good(record(0x7F, b"Muller")).warnings == ()
    wrong = good(record(0x37, "Müller".encode("latin-1")))
    assert wrong.patient.family == "Müller"
    assert wrong.warnings == ("a text is not in the character set that the record names",)


def test_the_second_family_name_stands_behind_the_first() -> None:
    assert good(record(0x01, b"Garc\xeda", b"Ana", tags=tag(3, b"L\xf3pez\0"))).patient.family == "García López"


def spoken(family: str, statement: str = "") -> tuple[Recording, bytes]:
    one = good(record(None, b"x"))
    one = replace(
        one, patient=Patient(family=family), device=Device(), statements=(Statement(statement),) if statement else (), comment=""
    )
    found = write(one)
    assert isinstance(found, Written), found
    return one, found.files["ecg.scp"]


@pytest.mark.parametrize(
    ("family", "code", "codec"), [("Muller", 0, "ascii"), ("Müller", 1, "latin-1"), ("王", 0x37, "utf-8"), ("Ã¼", 0x37, "utf-8")]
)
def test_the_writer_names_the_set_it_writes(family: str, code: int, codec: str) -> None:
    _, body = spoken(family)
    at = body.index(tag(0, family.encode(codec) + b"\0"))
    device = body.index(struct.pack("<B", 14), at + 4 + len(family.encode(codec)))
    assert body[device + 3 + 16] == code
    assert good(body).patient.family == family


@given(st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Zs", "Zl", "Zp")), min_size=1, max_size=60))
def test_what_is_written_is_read_back(name: str) -> None:
    _, body = spoken(name, name)
    found = good(body)
    assert (found.patient.family, found.statements[0].text) == (name, name)


def test_a_long_text_is_cut_between_letters() -> None:
    _, body = spoken("王" * 300)
    assert good(body).patient.family == "王" * 66
