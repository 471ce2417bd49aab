"""Acknowledgements, against HL7 v2.9.1 section 2.8 and tables 0008, 0155, 0357."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from adapters.hl7v2 import er7
from adapters.hl7v2.ack import Party, build, code_of, control_id, is_acknowledgement, is_due, wish_of
from adapters.hl7v2.er7 import Er7
from adapters.hl7v2.header import Header, read_header
from engine.fault import Fault, Kind
from tests.unit.hl7v2.messages import MSH, lines

AT = datetime(2024, 1, 2, 3, 4, 5, tzinfo=UTC)
BAD = Fault(Kind.INCORRECT, "E125", "OBX-3 is missing", "OBX[2]-3", "send it")


def header(msh: str) -> Header:
    found = read_header(msh.encode("latin-1") + b"\r")
    assert isinstance(found, Header)
    return found


def reply(msh: str, code: str = "AA", *faults: Fault, own: Party | None = None, sequence: str = "") -> Er7:
    found = er7.parse(build(header(msh), code, faults, at=AT, own=own or Party(), sequence=sequence))
    assert isinstance(found, Er7)
    return found


def test_the_answer_swaps_the_parties_and_echoes_the_control_id() -> None:
    raw = build(header(MSH), "AA", at=AT, own=Party())
    text = raw.decode()
    number = text.split("|")[9]
    assert text == f"MSH|^~\\&|EHR|HOSP|LAB|HOSP|20240102030405+0000||ACK^R01^ACK|{number}|P|2.5.1\rMSA|AA|M1\r"
    assert 0 < len(number) <= 20


def test_our_own_identity_and_full_hierarchic_names_are_used() -> None:
    msa = reply(r"MSH|^~\&|A^1.2^ISO|B^3.4^ISO|C^5^ISO|D|||ADT^A01|7|T|2.4", own=Party("ISTHMUS^9.9^ISO", "HERE"))
    msh = msa.segments[0]
    assert [msh.raw(n).decode() for n in (3, 4, 5, 6, 11, 12)] == [
        "ISTHMUS^9.9^ISO",
        "HERE",
        "A^1.2^ISO",
        "B^3.4^ISO",
        "T",
        "2.4",
    ]


@pytest.mark.parametrize(
    ("kind", "version", "expected"),
    [
        ("ADT^A01^ADT_A01", "2.5", "ACK^A01^ACK"),
        ("ADT^A01", "2.3", "ACK^A01"),
        ("ORU", "2.2", "ACK"),
        ("", "2.5", "ACK"),
        ("ORU^R40^ORU_R40", "2.6", "ORA^R41^ORA_R41"),
    ],
)
def test_the_type_of_the_answer_follows_the_event_and_the_version(kind: str, version: str, expected: str) -> None:
    assert reply(rf"MSH|^~\&|A|B|C|D|||{kind}|7|P|{version}").segments[0].raw(9).decode() == expected


@pytest.mark.parametrize("number", ["", "  7 ", r"a\T\b", "7^8", "ö\x1c", "x" * 200])
def test_the_control_id_is_echoed_as_it_came(number: str) -> None:
    raw = build(header(rf"MSH|^~\&|A|B|C|D|||ADT^A01|{number}|P|2.5"), "AA", at=AT, own=Party())
    expected = number.replace("\x1c", "\\X1C\\").encode("latin-1")
    assert raw.split(b"\r")[1] == (b"MSA|AA|" + expected).rstrip(b"|")


def test_the_delimiters_and_the_character_set_of_the_request_are_used() -> None:
    message = reply("MSH$@!\\*$LAB$HOSP$$$$$ORU@R01$M1$P$2.5$$$$$$8859/1")
    assert (message.delimiters.field, message.segments[1].value(2), message.segments[0].value(18)) == ("$", "M1", "8859/1")
    assert message.segments[0].value(9, comp=3) == "ACK"


def test_a_message_without_header_is_answered_all_the_same() -> None:
    raw = build(None, "AR", [Fault(Kind.UNSUPPORTED, "E111", "not HL7", "MSH")], at=AT, own=Party("ISTHMUS"))
    found = er7.parse(raw)
    assert isinstance(found, Er7)
    assert [segment.name for segment in found.segments] == ["MSH", "MSA", "ERR"]
    assert (found.segments[1].value(1), found.segments[1].value(2)) == ("AR", "")


def test_an_error_names_place_code_and_severity() -> None:
    err = reply(MSH, "AE", BAD).segments[2]
    assert err.raw(2).decode() == "OBX^2^3^1"
    assert [err.value(3, comp=n) for n in (1, 2, 3)] == ["101", "Required field missing", "HL70357"]
    assert (err.value(4), err.value(5), err.value(7), err.value(8)) == ("E", "E125", "send it", "OBX-3 is missing")


def test_each_fault_has_its_err_segment_up_to_fifty() -> None:
    assert [segment.name for segment in reply(MSH, "AE", BAD, BAD).segments] == ["MSH", "MSA", "ERR", "ERR"]
    assert len(reply(MSH, "AE", *[BAD] * 1000).segments) == 52


def test_older_versions_get_the_text_in_msa_3_and_the_older_err() -> None:
    old = reply(r"MSH|^~\&|A|B|C|D|||ADT^A01|7|P|2.3", "AE", BAD)
    assert old.segments[1].value(3) == "OBX-3 is missing"
    err = old.segments[2]
    assert [err.value(1, comp=n) for n in (1, 2, 3)] == ["OBX", "2", "3"]
    assert err.value(1, comp=4, sub=1) == "101"
    assert reply(r"MSH|^~\&|A|B|C|D|||ADT^A01|7|P|2.7", "AE", BAD).segments[1].value(3) == ""


def test_words_of_a_fault_cannot_break_the_answer() -> None:
    nasty = Fault(Kind.INCORRECT, "E402", "a|b^c\rMSA|AA|x\x1c\r\x0b", "somewhere|else\r", "h~&\\")
    message = reply(MSH, "AE", nasty)
    assert [segment.name for segment in message.segments] == ["MSH", "MSA", "ERR"]
    assert not set(message.raw) & set(b"\x0b\x1c")


def test_a_sequence_number_is_told_in_msa_4() -> None:
    assert reply(MSH, "AA", sequence="17").segments[1].value(4) == "17"


@pytest.mark.parametrize(
    ("accept", "application", "forced", "expected"),
    [
        ("", "", "", (False, "", "AL")),
        ("AL", "NE", "", (True, "AL", "NE")),
        ("AL", "", "", (True, "AL", "")),
        ("", "AL", "", (True, "", "AL")),
        ("AL", "AL", "original", (False, "", "AL")),
        ("", "", "enhanced", (True, "AL", "")),
    ],
)
def test_the_mode_follows_msh_15_and_16_unless_forced(
    accept: str, application: str, forced: str, expected: tuple[bool, str, str]
) -> None:
    assert wish_of(header(f"{MSH}|||{accept}|{application}"), forced) == expected


@pytest.mark.parametrize(
    ("condition", "good", "bad"),
    [("AL", True, True), ("NE", False, False), ("ER", False, True), ("SU", True, False), ("", False, False)],
)
def test_table_0155_says_when_an_answer_is_due(condition: str, good: bool, bad: bool) -> None:
    assert (is_due(condition, True), is_due(condition, False)) == (good, bad)


@pytest.mark.parametrize(
    ("fault", "original", "enhanced"),
    [
        (None, "AA", "CA"),
        (BAD, "AE", "CE"),
        (Fault(Kind.UNSUPPORTED, "E140", "processing id"), "AR", "CR"),
        (Fault(Kind.UNAVAILABLE, "E620", "database away"), "AR", "CE"),
        (Fault(Kind.FAULT, "E999", "a defect"), "AR", "CE"),
    ],
)
def test_the_code_follows_the_kind_of_fault(fault: Fault | None, original: str, enhanced: str) -> None:
    assert (code_of(fault, False), code_of(fault, True)) == (original, enhanced)


def test_an_ack_is_told_from_other_messages() -> None:
    assert is_acknowledgement(header(lines(MSH.replace("ORU^R01^ORU_R01", "ACK^R01")).decode()))
    assert not is_acknowledgement(header(MSH))


def test_control_ids_are_never_given_twice() -> None:
    ids = [control_id() for _ in range(5000)]
    assert len(set(ids)) == 5000
    assert max(map(len, ids)) <= 20
