"""`validate: strict`, against what the standard says of ORU_R01 and ADT_A01 in v2.5.1 (chapters 2, 3, 7)."""

from __future__ import annotations

import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import pytest

from adapters.hl7v2 import conformance
from adapters.hl7v2.conformance import check
from adapters.hl7v2.datatypes import is_well_formed
from adapters.hl7v2.errors import table_0357
from tests.unit.hl7v2.messages import lines

MSH = r"MSH|^~\&|LAB|HOSP|EHR|HOSP|20240102030405||ORU^R01^ORU_R01|M1|P|2.5.1"
PID, OBR = "PID|1||123^^^HOSP^MR||Doe^John^^^^^L||19700101|M", "OBR|1|P1|F1|CMP^Panel^L|||20240102"
OBX = "OBX|1|NM|2345-7^Glucose^LN||7.10|mmol/L|3.5-5.1|H|||F|||20240102030405+0100"


def found(*segments: str, msh: str = MSH) -> list[tuple[str, str]]:
    return [(fault.code, fault.at) for fault in check(lines(msh, *segments))]


def test_a_message_that_keeps_to_the_standard_has_no_findings() -> None:
    assert found(PID, "PV1|1|I", OBR, "NTE|1||note", OBX, "NTE|1||note", "SPM|1|||BLD") == []


def test_local_segments_and_fields_beyond_the_standard_pass() -> None:
    assert found("ZBR|x", PID, "ZPI|1", OBR, OBX + "|" * 20 + "local", "ZZZ|1") == []


@pytest.mark.parametrize(
    ("segments", "expected"),
    [
        ((PID, OBX), [("E124", "OBR")]),
        ((OBR, PID, OBX), [("E124", "OBR")]),
        ((PID,), [("E124", "OBR")]),
        ((PID, OBR, "EVN|A01|20240101", OBX), [("E124", "EVN[1]")]),
        ((PID, OBR, OBX, "PD1|1"), [("E124", "PD1[1]")]),
        ((PID, PID.replace("|1||", "|2||"), OBR, OBX), [("E124", "OBR")]),
        ((PID, OBR, OBX, "PV1|1|I"), [("E124", "PV1[1]")]),
    ],
)
def test_segments_out_of_order_or_missing_are_told(segments: tuple[str, ...], expected: list[tuple[str, str]]) -> None:
    assert found(*segments) == expected


@pytest.mark.parametrize(
    ("segment", "expected"),
    [
        (OBX.replace("2345-7^Glucose^LN", ""), [("E125", "OBX[1]-3")]),
        (OBX.replace("|||F|||", "||||||"), [("E125", "OBX[1]-11")]),
        (OBX.replace("|NM|", "||"), [("E125", "OBX[1]-2")]),
        (OBX.replace("7.10", "seven"), [("E126", "OBX[1]-5")]),
        (OBX.replace("7.10", "7~eight"), [("E126", "OBX[1]-5[2]")]),
        (OBX.replace("20240102030405+0100", "20241302"), [("E126", "OBX[1]-14.1")]),
        (OBX.replace("|1|NM", "|one|NM"), [("E126", "OBX[1]-1")]),
        (OBX.replace("||F||", "||?||"), [("E127", "OBX[1]-11")]),
        (OBX.replace("|NM|", "|QQ|"), [("E127", "OBX[1]-2")]),
        (OBX.replace("|NM|", "|CWE|").replace("7.10", "A^a^L"), []),
        (OBX.replace("mmol/L", "mmol/L~mg/dL"), [("E128", "OBX[1]-6")]),
        (OBX.replace("7.10", '""'), []),
    ],
)
def test_values_that_break_their_type_or_table_are_told_with_their_place(segment: str, expected: list[tuple[str, str]]) -> None:
    assert found(PID, OBR, segment) == expected


def test_the_place_counts_segments_of_a_name() -> None:
    assert found(PID, OBR, OBX, OBX.replace("|1|NM", "|2|NM").replace("7.10", "x")) == [("E126", "OBX[2]-5")]
    assert found(PID.replace("19700101", "1970-01-01"), OBR, OBX) == [("E126", "PID[1]-7.1")]


def test_no_finding_holds_a_value() -> None:
    for fault in check(lines(MSH, PID.replace("19700101", "CANARY"), OBR, OBX.replace("7.10", "CANARY"))):
        assert "CANARY" not in f"{fault.text} {fault.help} {fault.at}"


def test_the_rules_are_those_of_the_messages_version() -> None:
    old = MSH.replace("2.5.1", "2.4").replace("^ORU_R01", "")
    assert found(PID.replace("^^^^^L", ""), OBR, OBX, msh=old) == []
    adt = r"MSH|^~\&|A|B|C|D|20240102||ADT^A01^ADT_A01|1|P|2.5.1"
    assert found("EVN||20240101", PID, msh=adt) == [("E124", "PV1")]
    assert found("EVN||20240101", PID, "PV1|1", msh=adt) == [("E125", "PV1[1]-2")]
    assert found(PID, msh=adt.replace("ADT^A01^ADT_A01", "QQQ^Q99")) == [("E142", "MSH-9")]


def test_each_finding_has_its_code_of_table_0357() -> None:
    faults = check(lines(MSH, PID, OBX.replace("7.10", "x").replace("||F||", "||?||")))
    assert [table_0357(fault) for fault in faults] == ["100", "102", "103"]
    assert {fault.kind.answer.msa1 for fault in faults} == {"AE"}


def test_what_cannot_be_read_or_is_too_large_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    assert [fault.code for fault in check(b"nonsense")] == ["E111"]
    monkeypatch.setattr(conformance, "MAX_BYTES", 10)
    assert [fault.code for fault in check(lines(MSH))] == ["E128"]


def test_findings_are_limited() -> None:
    assert len(check(lines(MSH, PID, OBR, *[OBX.replace("7.10", "x")] * 500))) == conformance.MAX_FAULTS


def test_it_runs_in_a_process_pool() -> None:
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        assert pool.submit(check, lines(MSH, PID)).result(60) == check(lines(MSH, PID))


def test_it_is_fast_enough_for_a_worker() -> None:
    message = lines(MSH, PID, OBR, *[OBX] * 10)
    check(message)
    start = time.process_time()
    for _ in range(20):
        check(message)
    assert (time.process_time() - start) / 20 < 0.02  # hl7apy's own validation takes longer than that to parse


def test_every_public_message_is_checked_without_an_error(shared_data: Path) -> None:
    for path in (shared_data / "hl7v2").rglob("*.hl7"):
        assert isinstance(check(path.read_bytes()), list)


@pytest.mark.parametrize(
    ("type", "good", "bad"),
    [
        ("NM", ["1", "-1.5", "+.5", "1.", "007"], ["", "1e3", "<5", "1,5", ".", " 1"]),
        ("SI", ["1", "9999"], ["", "10000", "-1", "1.0"]),
        ("DT", ["2024", "202402", "20240229"], ["", "20230229", "2024-01-01", "202413", "24"]),
        ("TM", ["12", "2359", "235959.1234", "1200-0500"], ["", "24", "1260", "120000.12345"]),
        (
            "DTM",
            ["2024", "20240229", "2024022912", "20240229120000.123+0100", "2024+0000"],
            ["", "20240229T12", "2024022925", "0000", "12"],
        ),
        ("ST", ["anything", ""], []),
    ],
)
def test_primitive_types_have_their_rules(type: str, good: list[str], bad: list[str]) -> None:
    assert [text for text in good if not is_well_formed(text, type)] == []
    assert [text for text in bad if is_well_formed(text, type)] == []
