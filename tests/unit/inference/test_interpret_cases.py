"""The cases beside the table of findings, the table's codes, and its mistakes told with line, column and help."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from engine.fault import Fault
from inference.interpret import Evidence, interpret
from inference.interpret.read import parse
from inference.interpret.table import SHIPPED, Table, load, shipped
from inference.models.labels import TWELVE

CASES: list[dict[str, Any]] = yaml.safe_load(SHIPPED.with_name("table.test.yaml").read_text(encoding="utf-8"))


@pytest.mark.parametrize("case", CASES, ids=[case["case"] for case in CASES])
def test_the_case_is_found_as_it_must_be(case: dict[str, Any]) -> None:
    said = interpret(Evidence(case["model"], case.get("measured", {}), {}))
    assert {one.name: one.severity for one in said.findings} == case["find"]
    assert said.severity == case["severity"]
    assert len(said.contradictions) == case.get("contradictions", 0)


@pytest.mark.parametrize(
    "others", [{"sub:CLBBB": 0.9}, {"super:MI": 0.9}, {"sub:LVH": 0.9}, {"form:LNGQT": 0.9}, {"form:LPR": 0.9}]
)
def test_beside_findings_not_of_the_rhythm_no_rate_changes_the_severity(others: dict[str, float]) -> None:
    for rhythm in ({}, {"rhythm:AFIB": 0.9}, {"rhythm:SBRAD": 0.9}):
        whole = {interpret(Evidence(others | rhythm, {"heart_rate": rate}, {})).severity for rate in (25, 45, 75, 120, 190)}
        assert whole == {interpret(Evidence(others | rhythm, {}, {})).severity}


def test_reasons_read_as_sentences_and_name_findings_as_people_write_them() -> None:
    said = interpret(
        Evidence({"form:STE": 0.55, "rhythm:AFIB": 0.9, "form:INVT": 0.3}, {"heart_rate": 168, "pr": 214, "axis": -45}, {})
    )
    reasons = {one.name: one.reason for one in said.findings}
    assert "Possible ST elevation" in said.conclusion
    assert (
        reasons["ST elevation"]
        == "Only possible: the model gives ST elevation a probability of 55%, which reaches its threshold of 50%."
    )
    assert (
        reasons["Atrial fibrillation"]
        == "The model gives atrial fibrillation a probability of 90%, which reaches its threshold of 50%."
    )
    sure = interpret(Evidence({"super:MI": 0.9996}, {}, {})).findings[0].reason
    assert sure == "The model gives myocardial infarction a probability of over 99%, which reaches its threshold of 50%."
    assert reasons["Long PR interval"] == "PR is 214 ms, not below the limit of 200 ms."
    assert reasons["Left axis deviation"] == "The QRS axis is -45 degrees, between -90 and -30 degrees."
    assert reasons["Very fast rate"] == (
        "The measured rate is 168 beats a minute, not below the limit of 150 beats a minute; "
        "beside findings that are not of the rhythm it counts as abnormal, not as critical."
    )


def test_every_label_of_the_model_but_normal_has_a_finding() -> None:
    known = {label for rule in shipped().findings for label in rule.labels}
    assert set(TWELVE) - known == {"sub:NORM"}


def verhoeff(digits: str) -> bool:
    """The check digit of a SNOMED CT identifier, by the dihedral group of order ten (Verhoeff, 1969)."""

    def times(a: int, b: int) -> int:
        turn = (a % 5 + (b % 5 if a < 5 else -(b % 5))) % 5
        return turn + 5 * ((a >= 5) != (b >= 5))

    def moved(digit: int, steps: int) -> int:
        for _ in range(steps % 8):
            digit = (1, 5, 7, 6, 2, 8, 3, 0, 9, 4)[digit]
        return digit

    check = 0
    for place, digit in enumerate(reversed(digits)):
        check = times(check, moved(int(digit), place))
    return check == 0


def test_codes_are_well_formed_and_each_statement_has_its_own() -> None:
    assert verhoeff("2363")  # the usual example
    assert not verhoeff("2364")
    for rule in (*shipped().findings, *shipped().measured):
        assert not rule.snomed or verhoeff(rule.snomed), rule.finding
    for rule in shipped().findings:
        own = [label.partition(":")[2] for label in rule.labels if ":" in label]
        assert not rule.scp or rule.scp.rstrip("_") in own, rule.finding
    found = {code for one in interpret(Evidence({"rhythm:AFIB": 0.9}, {}, {})).findings for code in one.codes}
    assert found == {
        ("http://snomed.info/sct", "164889003"),
        ("urn:iso:std:iso:11073:91064", "AFIB"),
        ("urn:iso:std:iso:11073:10101", "MDC_ECG_RHY_ATR_FIB"),
    }


GOOD = """rate: {calm: [60, 100], critical: [40, 150]}
findings:
  - {finding: A, labels: ["rhythm:AFIB"], present: "0.5", severity: abnormal, group: Other}
  - {finding: B, labels: ["super:MI"], present: model, severity: normal, group: Ischemia, snomed: "164865005"}
measured:
  - {finding: C, measure: qtc, over: 470, severity: critical, group: Other}
contradictions:
  - {findings: [A], measure: heart_rate, under: 40, because: "no"}
"""


@pytest.mark.parametrize(
    ("old", "new", "where", "word"),
    [
        ("severity: abnormal", "severity: abnormol", "abnormol", "did you mean `abnormal`?"),
        ("group: Ischemia", "group: Ischaemia", "Ischaemia", "did you mean `Ischemia`?"),
        ('"0.5"', '"1.5"', '"1.5"', "from 0.001 to 1"),
        ('"0.5"', "half", "half", "`present` must be a number"),
        ("present: model, ", "", "{finding: B", "`present` must be"),
        ('labels: ["super', 'label: ["super', 'label: ["super', "`label` is not known here; did you mean `labels`?"),
        ("rhythm:AFIB", "rhythm:AFBI", '"rhythm:AFBI"', "did you mean `rhythm:AFIB`?"),
        ("measure: qtc", "measure: qtcf", "qtcf", "did you mean `qtc`?"),
        ("measure: heart_rate", "measure: heartrate", "heartrate", "did you mean `heart_rate`?"),
        ("over: 470, ", "", "{finding: C", "`over`, `under` or both"),
        ("over: 470", "over: 470, under: 400", "470", "must be less"),
        ("over: 470", "over: high", "high", "must be a number"),
        ("[60, 100]", "[100, 60]", "[100", "the lower first"),
        ("[40, 150]", "[70, 150]", "[70", "outside `calm`"),
        ("{finding: B", "{finding: A", '{finding: A, labels: ["super', "stands here twice"),
        ("group: Ischemia", "group: Ischemia, finding: D", "finding: D", "stands here twice"),
        ("findings: [A]", "findings: [D]", "D]", "there is no finding `D`"),
        ("measure: heart_rate, ", "", "40, because", "not named"),
        ("164865005", "myocardial", '"myocardial', "a SNOMED CT number"),
        ('["super:MI"]', "*x", "*x", "alias"),
        ("rate:", "rates:", "rates:", "did you mean `rate`?"),
    ],
)  # fmt: skip
def test_a_mistake_is_told_with_its_place_and_what_was_meant(old: str, new: str, where: str, word: str) -> None:
    assert isinstance(parse(GOOD), Table)
    assert old in GOOD
    text = GOOD.replace(old, new, 1)
    before = text[: text.index(where)]
    answer = parse(text)
    assert isinstance(answer, Fault)
    assert answer.code == "E850"
    assert answer.at == f"line {before.count(chr(10)) + 1}:{len(before) - before.rfind(chr(10))}"
    assert word in answer.text
    assert answer.help


def test_a_table_that_is_not_there_or_no_text_is_a_fault(tmp_path: Path) -> None:
    for name, body in (("none", None), ("bytes", b"\xff\xfe"), ("empty", b""), ("list", b"- 1"), ("large", b"#" * 300_000)):
        path = tmp_path / name
        if body is not None:
            path.write_bytes(body)
        assert isinstance(load(path), Fault), name
