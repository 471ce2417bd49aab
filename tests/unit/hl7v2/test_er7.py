"""The tolerant parser: what real messages do is accepted with a warning, and every value knows its bytes."""

from __future__ import annotations

from pathlib import Path

import pytest

from adapters.hl7v2 import er7, render
from adapters.hl7v2.er7 import Er7
from adapters.hl7v2.segment import Segment
from adapters.hl7v2.structure import root
from engine.fault import Fault, Kind
from tests.unit.hl7v2.messages import MSH, ORU, lines


def read(raw: bytes, **options: str) -> Er7:
    found = er7.parse(raw, **options)
    assert isinstance(found, Er7), found
    return found


def first(message: Er7, name: str) -> Segment:
    segment = message.first(name)
    assert segment is not None
    return segment


def codes(message: Er7) -> list[str]:
    return [warning.code for warning in message.warnings]


def refused(raw: bytes) -> Fault:
    found = er7.parse(raw)
    assert isinstance(found, Fault)
    return found


def test_fields_are_numbered_as_in_hl7() -> None:
    msh = first(read(ORU), "MSH")
    assert [msh.value(n) for n in (1, 2, 3, 9, 10, 12)] == ["|", "^~\\&", "LAB", "ORU", "M1", "2.5.1"]
    assert msh.value(9, comp=3) == "ORU_R01"


def test_a_value_is_read_by_repetition_component_and_subcomponent() -> None:
    pid = first(read(ORU), "PID")
    assert pid.repeats(3) == 2
    assert pid.value(3) == "123"
    assert pid.value(3, comp=4, sub=2) == "1.2.3"
    assert pid.value(3, rep=1, comp=5) == "SS"
    assert (pid.value(3, rep=2), pid.value(3, comp=9), pid.value(77), pid.repeats(77)) == ("", "", "", 0)


def test_null_is_told_from_empty() -> None:
    pid = first(read(lines(MSH, 'PID|1||123||""|')), "PID")
    assert (pid.null(5), pid.value(5)) == (True, "")
    assert (pid.null(6), pid.value(6)) == (False, "")


def test_every_value_knows_its_bytes() -> None:
    raw = lines(MSH + "||||||UNICODE UTF-8", "PID|1||123^^^HOSP~9||Müller^Jürgen^ø&å", "OBX|1|ST|x||é")
    message = read(raw)
    pid, obx, msh = (first(message, name) for name in ("PID", "OBX", "MSH"))

    def at(span: tuple[int, int]) -> str:
        return raw[slice(*span)].decode()

    assert at(pid.span(5)) == "Müller^Jürgen^ø&å"
    assert at(pid.span(5, 0, 2)) == "Jürgen"
    assert at(pid.span(5, 0, 3, 2)) == "å"
    assert at(pid.span(3, 1)) == "9"
    assert at(obx.span(5)) == "é"
    assert (at(msh.span(1)), at(msh.span(2)), at(msh.span(10))) == ("|", "^~\\&", "M1")
    assert pid.span(99) == (raw.index(b"\rOBX"), raw.index(b"\rOBX"))
    assert pid.raw(5) == "Müller^Jürgen^ø&å".encode()


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_lf_and_crlf_end_segments_with_a_warning(end: str) -> None:
    raw = ORU.replace(b"\r", end.encode())
    message = read(raw)
    assert [segment.name for segment in message.segments] == [segment.name for segment in read(ORU).segments]
    assert codes(message) == ["E117"]
    assert render.original(message) == raw


def test_a_line_that_is_no_segment_continues_the_one_before() -> None:
    message = read(lines(MSH, "NTE|1||line one", "and line two|x", "OBX|1"))
    assert [segment.name for segment in message.segments] == ["MSH", "NTE", "OBX"]
    assert first(message, "NTE").value(3) == "line one\rand line two"
    assert codes(message) == ["E119"]


def test_a_byte_order_mark_and_blank_lines_are_kept_aside() -> None:
    raw = b"\xef\xbb\xbf\r\n" + MSH.encode() + b"\r\rPID|1\r\r\n"
    message = read(raw)
    assert [segment.name for segment in message.segments] == ["MSH", "PID"]
    assert set(codes(message)) == {"E115", "E116", "E117", "E118"}
    assert render.original(message) == raw


def test_a_line_separator_before_msh_is_kept_aside() -> None:
    raw = "\u2028".encode() + ORU
    assert render.original(read(raw)) == raw
    assert "E116" in codes(read(raw))


def test_small_letters_make_a_segment_too() -> None:
    message = read(lines(MSH, "pid|1||7"))
    assert first(message, "PID").value(3) == "7"
    assert codes(message) == ["E123"]


def test_other_delimiters_are_read_from_msh() -> None:
    message = read(b"MSH$@!\\*$LAB$HOSP$$$$$ORU@R01$M1$P$2.5\rPID$1$$7@@@A*B!8\r")
    pid = first(message, "PID")
    assert (pid.value(3, comp=4, sub=2), pid.value(3, rep=1)) == ("B", "8")


@pytest.mark.parametrize("msh2", ["^~\\&", "^~\\&#", "^~\\", "^~"])
def test_msh_2_may_have_two_to_five_characters(msh2: str) -> None:
    assert read(f"MSH|{msh2}|A|B|C\r".encode()).first("MSH") is not None


@pytest.mark.parametrize(
    "raw",
    [
        b"MSH|^~",
        b"MSHAAAAAAAA",
        b"MSH||||^~",
        b"MSH|^^\\&|A",
        b"MSH|A~\\&|B|C",
        b"MSH\r^~\\&\rLAB",
        b"MSH^~\\&|ABC^^",
        b"MSH|^~\\&#!|A",
    ],
)
def test_delimiters_that_cannot_be_are_refused(raw: bytes) -> None:
    found = er7.parse(raw)
    if raw == b"MSH||||^~":  # an empty MSH-2 means the usual delimiters
        assert isinstance(found, Er7)
        return
    assert isinstance(found, Fault)
    assert (found.code, found.kind.answer.msa1) == ("E112", "AR")


def test_what_is_no_message_is_refused_with_its_reason() -> None:
    assert refused(b"").code == "E110"
    assert refused(b"\r\n").code == "E110"
    assert refused(b"hello world").code == "E111"
    assert refused("MSH|^~\\&|A".encode("utf-16")).code == "E114"


@pytest.mark.parametrize(
    "flood", ["OBX|1\r" * 20_001, "PID|1||" + "~" * 150_001, "PID|1||" + "^" * 150_001, "PID|1||" + "&" * 150_001]
)
def test_a_flood_of_segments_or_parts_is_refused(flood: str) -> None:
    found = er7.parse(lines(MSH, flood))
    assert isinstance(found, Fault)
    assert (found.code, found.kind) == ("E120", Kind.INCORRECT)


def test_a_waveform_of_sixty_thousand_samples_is_no_flood() -> None:
    samples = "^".join(str(n % 200) for n in range(60_000))
    assert len(read(lines(MSH, f"OBX|1|NA|I||{samples}")).segments) == 2


@pytest.mark.parametrize(
    ("declared", "text", "encoding"),
    [
        ("8859/1", "Müller", "iso8859-1"),
        ("8859/2", "Łódź", "iso8859-2"),
        ("8859/15", "5 €", "iso8859-15"),
        ("UNICODE UTF-8", "Łódź 漢", "utf-8"),
        ("GB 18030-2000", "北京", "gb18030"),
        ("BIG-5", "臺北", "big5"),
        ("KS X 1001", "서울", "euc_kr"),
        ("~ISO IR87", "山田", "iso2022_jp"),
        ("ISO IR6~ISO IR87", "山田", "iso2022_jp"),
    ],
)
def test_msh_18_says_what_the_bytes_are(declared: str, text: str, encoding: str) -> None:
    raw = f"{MSH}||||||{declared}\rPID|1||7||{text}^{text}\r".encode(encoding)
    message = read(raw)
    pid = first(message, "PID")
    assert (pid.value(5), pid.value(5, comp=2)) == (text, text)
    assert codes(message) == []
    assert render.original(message) == raw
    start, end = pid.span(5, 0, 1)
    assert raw[start:end].decode(encoding, "ignore") == text


def test_undeclared_utf_8_is_read_with_a_warning() -> None:
    message = read(f"{MSH}\rPID|1||7||Müller\r".encode())
    assert first(message, "PID").value(5) == "Müller"
    assert codes(message) == ["E115"]


def test_bytes_that_contradict_msh_18_are_a_fault_and_never_replaced() -> None:
    latin = f"{MSH}||||||UNICODE UTF-8\rPID|1||7||Müller\r".encode("latin-1")
    assert refused(latin).code == "E114"
    assert refused(f"{MSH}\rPID|1||7||Müller\r".encode("latin-1")).code == "E114"
    assert refused(f"{MSH}||||||CNS 11643-1992\rPID|1||7||Müller\r".encode()).code == "E113"
    assert first(read(latin, fallback="cp1252"), "PID").value(5) == "Müller"
    assert first(read(latin, charset="8859/1"), "PID").value(5) == "Müller"


def test_the_header_of_a_batch_is_that_of_its_first_message() -> None:
    message = read(lines(r"FHS|^~\&|X", r"BHS|^~\&|X", MSH, "PID|1", "BTS|1", "FTS|1"))
    assert message.header.value(10) == "M1"
    assert len(message.segments) == 6


def test_all_public_messages_are_read_without_loss(shared_data: Path) -> None:
    files = [path for path in (shared_data / "hl7v2").rglob("*") if path.is_file() and b"MSH" in path.read_bytes()[:2000]]
    assert len(files) >= 280
    for path in files:
        raw = path.read_bytes()
        message = read(raw)
        assert render.original(message) == raw, path.name
        assert list(root(message).everything()) == message.segments, path.name
        for segment in message.segments:
            for field in range(1, len(segment.fields)):
                assert segment.raw(field) == segment.fields[field].encode(message.codec), (path.name, segment.name, field)
