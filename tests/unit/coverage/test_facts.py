"""Facts and their comparison, on bundles small enough to see the verdicts by eye."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

from fhir.coverage import Case, compare, cover, report
from fhir.coverage.facts import facts
from fhir.coverage.pairs import stand_in
from fhir.coverage.reasons import UNEXPLAINED

JSON = dict[str, Any]


def observation(**parts: Any) -> JSON:
    return {"resourceType": "Observation", "id": "1", "code": {"text": "Glucose"}, **parts}


def kinds(ours: list[JSON], expected: list[JSON]) -> dict[str, str]:
    return {verdict.path: verdict.kind for verdict in compare(ours, expected)}


def test_ids_extensions_narrative_and_the_place_in_a_list_are_no_facts() -> None:
    one = {"resourceType": "Patient", "id": "a", "extension": [{"url": "x"}], "text": {"status": "generated", "div": "<div/>"},
           "name": [{"given": ["A", "B"]}]}  # fmt: skip
    assert [(fact.path, fact.value) for fact in facts(one)] == [("Patient.name.given", "A"), ("Patient.name.given", "B")]


def test_a_decimal_is_its_digits() -> None:
    value = {"value": Decimal("7.10")}
    assert (
        kinds([observation(valueQuantity=value)], [observation(valueQuantity={"value": Decimal("7.1")})])[
            "Observation.valueQuantity.value"
        ]
        == "differ"
    )
    assert (
        kinds([observation(valueQuantity=value)], [observation(valueQuantity=dict(value))])["Observation.valueQuantity.value"]
        == "agree"
    )


def test_one_instant_in_two_offsets_agrees_and_two_instants_of_one_clock_are_a_matter_of_zone() -> None:
    path = "Observation.effectiveDateTime"
    ours = [observation(effectiveDateTime="2023-01-01T12:00:00-05:00")]
    assert kinds(ours, [observation(effectiveDateTime="2023-01-01T17:00:00.000Z")])[path] == "agree"
    assert kinds(ours, [observation(effectiveDateTime="2023-01-01T12:00:00Z")])[path] == "zone"
    assert kinds(ours, [observation(effectiveDateTime="2023-01-01T12:01:00Z")])[path] == "differ"


def test_a_local_name_is_the_same_however_it_is_wrapped() -> None:
    ours, theirs = ({"identifier": [{"system": uri, "value": "1"}]} for uri in ("urn:id:HOSP", "HOSP"))
    assert kinds([observation(**ours)], [observation(**theirs)])["Observation.identifier.system"] == "agree"


def test_a_missing_result_shows_in_the_count_and_in_its_facts() -> None:
    two = [observation(), {**observation(), "id": "2", "code": {"text": "Urea"}}]
    found = kinds(two[:1], two)
    assert found["Observation (how many)"] == "differ"
    assert found["Observation.code.text"] == "absent"


def test_what_only_we_say_is_extra_and_counts_neither_way() -> None:
    found = report([Case("x", [observation(status="final")], [observation()])])
    assert found.kinds["extra"] == 1 and found.agreed == 1.0


def test_an_organization_that_only_a_header_names_does_not_count() -> None:
    lab = {"resourceType": "Organization", "id": "lab", "name": "Lab"}
    header = {"resourceType": "MessageHeader", "id": "h", "sender": {"reference": "Organization/lab"}}
    assert not any("Organization" in verdict.path for verdict in compare([], [header, lab]))
    asked = observation(performer=[{"reference": "Organization/lab"}])
    assert any(verdict.path == "Organization.name" for verdict in compare([], [asked, lab]))


def test_a_refused_message_counts_against_us_with_its_fault() -> None:
    found = report([Case("x", None, [observation()], "E404")])
    assert found.agreed == 0.0 and found.refused == (("x", "E404"),)
    assert set(found.reasons) == {"refused"}


def test_a_difference_nobody_explained_is_listed() -> None:
    found = report([Case("x", [observation(status="final")], [observation(status="amended")])])
    assert found.reasons[UNEXPLAINED] == 1
    assert found.as_dict()["unexplained"][0]["path"] == "Observation.status"


def test_a_number_stands_in_where_pid_3_is_empty_only() -> None:
    assert stand_in(b"MSH|^~\\&|A\rPID|1\rOBR|1") == b"MSH|^~\\&|A\rPID|1||ISTHMUS-COVERAGE\rOBR|1"
    assert stand_in(b"MSH|^~\\&|A\rPID|1||^^^^|x") == b"MSH|^~\\&|A\rPID|1||ISTHMUS-COVERAGE|x"
    assert stand_in(b"MSH|^~\\&|A\rPID|1||4711|x") == b"MSH|^~\\&|A\rPID|1||4711|x"


def test_a_folder_of_pairs_is_covered(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "one.hl7").write_bytes(b"MSH|^~\\&|A\rPID|1")
    (tmp_path / "a" / "one.fhir").write_bytes(b'{"entry":[{"resource":{"resourceType":"Patient","gender":"male"}}]}')
    (tmp_path / "lonely.hl7").write_bytes(b"MSH|^~\\&|A")
    found = cover(
        tmp_path, lambda body: [{"resourceType": "Patient", "gender": "male", "identifier": [{"value": "ISTHMUS-COVERAGE"}]}]
    )
    assert (found.cases, found.agreed, found.kinds["extra"]) == (1, 1.0, 0)
