"""Validation: every official example passes, and each kind of wrong content is refused at its place."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.fault import Fault
from engine.types import Envelope, Message, Put, Site, Work
from fhir.step import Validate
from fhir.validate import USUAL, checker, validate, validator

DIV = "<div xmlns='http://www.w3.org/1999/xhtml'>{}</div>"

# Examples of the specification that its own StructureDefinitions refuse; each with the reason.
CONTRADICTORY = {
    "DeviceMetric-example.json": "E516",  # parent: a DeviceDefinition, where only Device may stand
    "DeviceUseStatement-example.json": "E516",  # reasonReference: a Procedure
    "MedicationRequest-medrx0301.json": "E516",  # dispenseRequest.performer: a Practitioner
    "Observation-clinical-gender.json": "E516",  # performer: an Encounter
    "Questionnaire-qs1.json": "E511",  # item without linkId
}


def observation(**extra: Any) -> dict[str, Any]:
    return {"resourceType": "Observation", "status": "final", "code": {"text": "x"}, **extra}


def test_every_official_example_passes(r4_examples: list[Path]) -> None:
    assert len(r4_examples) > 700
    faults = {path.name: found for path in r4_examples if (found := validate(path.read_bytes()))}
    assert {name: found[0].code for name, found in faults.items()} == CONTRADICTORY


def test_the_official_definitions_are_right_resources_too(r4_definitions: list[Path]) -> None:
    faults = {path.name: found[0].at for path in r4_definitions if (found := validate(path.read_bytes()))}
    assert faults == {"SearchParameter-valueset-extensions-ValueSet-keyword.json": "SearchParameter.base"}  # has none


@pytest.mark.parametrize(
    ("extra", "code", "at"),
    [
        ({"status": "finalx"}, "E513", "Observation.status"),
        ({"status": None}, "E513", "Observation.status"),
        ({"foo": 1}, "E510", "Observation.foo"),
        ({"__proto__": {}}, "E510", "Observation.__proto__"),
        ({"valueString": "a", "valueBoolean": True}, "E515", "Observation.value[x]"),
        ({"valueString": "a", "_valueBoolean": {"id": "a"}}, "E515", "Observation.value[x]"),
        ({"subject": {"reference": "Practitioner/1"}}, "E516", "Observation.subject.reference"),
        ({"subject": {"reference": "Medication/1"}}, "E516", "Observation.subject.reference"),
        ({"subject": {"reference": "../admin"}}, "E516", "Observation.subject.reference"),
        ({"effectiveDateTime": "2023-02-30"}, "E514", "Observation.effectiveDateTime"),
        ({"effectiveDateTime": "2023-02-03T10:00:00"}, "E514", "Observation.effectiveDateTime"),
        ({"issued": "2023-02-03"}, "E514", "Observation.issued"),
        ({"extension": [{"valueString": "x"}]}, "E511", "Observation.extension[0].url"),
        ({"extension": [{"url": "http://x"}]}, "E520", "Observation.extension[0]"),
        (
            {"extension": [{"url": "http://x", "valueString": "a", "extension": [{"url": "a", "valueString": "a"}]}]},
            "E515",
            "Observation.extension[0].value[x]",
        ),
        ({"id": "a/b"}, "E514", "Observation.id"),
        ({"id": "x" * 65}, "E514", "Observation.id"),
        ({"category": []}, "E519", "Observation.category"),
        ({"category": {"text": "a"}}, "E512", "Observation.category"),
        ({"category": [{"coding": [{"system": "a b"}]}]}, "E514", "Observation.category[0].coding[0].system"),
        ({"note": [{"text": ""}]}, "E514", "Observation.note[0].text"),
        ({"note": [{"text": "a\x00b"}]}, "E514", "Observation.note[0].text"),
        ({"valueQuantity": {"value": "6.3"}}, "E512", "Observation.valueQuantity.value"),
        ({"valueBoolean": "true"}, "E512", "Observation.valueBoolean"),
        ({"valueInteger": Decimal("1.5")}, "E512", "Observation.valueInteger"),
        ({"valueInteger": 2**31}, "E514", "Observation.valueInteger"),
        ({"code": {}}, "E520", "Observation.code"),
        ({"contained": [{"resourceType": "Nope"}]}, "E523", "Observation.contained[0].resourceType"),
        ({"contained": [{"resourceType": "Patient", "gender": "x"}]}, "E513", "Observation.contained[0].gender"),
        (
            {"contained": [{"resourceType": "Patient", "contained": [{"resourceType": "Patient", "id": "a"}]}]},
            "E522",
            "Observation.contained[0]",
        ),
        ({"resourceType": ["Observation"]}, "E523", "resourceType"),
        ({"resourceType": "SubscriptionTopic"}, "E523", "resourceType"),
    ],
)
def test_wrong_content_is_refused_at_its_place(extra: dict[str, Any], code: str, at: str) -> None:
    assert (code, at) in {(fault.code, fault.at) for fault in validate(observation(**extra))}


@pytest.mark.parametrize(
    ("resource", "code", "at"),
    [
        ({"resourceType": "Observation", "code": {"text": "x"}}, "E511", "Observation.status"),
        ({"resourceType": "Observation", "status": "final"}, "E511", "Observation.code"),
        (
            {"resourceType": "MedicationRequest", "status": "active", "intent": "order", "subject": {"reference": "Patient/1"}},
            "E511",
            "MedicationRequest.medication[x]",
        ),
        (
            {"resourceType": "Condition", "subject": {"reference": "Patient/1"}, "clinicalStatus": {"text": "x"}},
            "E513",
            "Condition.clinicalStatus",
        ),
        ({"resourceType": "Patient", "name": [{"given": ["a", None]}]}, "E520", "Patient.name[0].given"),
    ],
)
def test_what_the_published_schema_leaves_out_is_refused_too(resource: dict[str, Any], code: str, at: str) -> None:
    assert [(fault.code, fault.at) for fault in validate(resource)] == [(code, at)]


@pytest.mark.parametrize(
    "resource",
    [
        {"resourceType": "Observation", "_status": {"extension": [{"url": "http://x", "valueCode": "a"}]}, "code": {"text": "x"}},
        {"resourceType": "Patient", "name": [{"given": ["a", None], "_given": [None, {"id": "x"}]}]},
        observation(subject={"reference": "https://example.org/fhir/Patient/1/_history/2"}),
        observation(subject={"reference": "urn:uuid:0f4d6c1e-6f0b-5d0a-9a5e-1f6b7c0e4a11"}),
        observation(effectiveDateTime="2024-02-29"),
        observation(valueQuantity={"value": Decimal("7.10")}),
    ],
)
def test_right_content_passes(resource: dict[str, Any]) -> None:
    assert validate(resource) == []


@pytest.mark.parametrize(
    "inner",
    [
        "<script>alert(1)</script>",
        '<a href="javascript:alert(1)">x</a>',
        '<a href="java&#115;cript:alert(1)">x</a>',
        '<a href=" java\tscript:alert(1)">x</a>',
        '<p onclick="x">x</p>',
        '<img src="data:text/html;base64,AAAA"/>',
        '<p style="background:url(http://evil/x)">x</p>',
        "<svg/>",
        "<iframe/>",
        "<form/>",
        "<p>unbalanced",
        "</div><script/><div>",
        "<![CDATA[<script>]]>",
        "<!DOCTYPE x>",
        "<p>&</p>",
        "<p" * 10_000,
    ],
)
def test_a_narrative_that_could_act_is_refused(inner: str) -> None:
    begun = time.perf_counter()
    found = validate(observation(text={"status": "generated", "div": DIV.format(inner)}))
    assert [fault.code for fault in found] == ["E521"]
    assert time.perf_counter() - begun < 1


def test_a_narrative_that_formats_passes() -> None:
    inner = '<p class="a">K&amp;Na <b>4.1</b><br/><a href="http://example.org/x?a=1">x</a><!-- note --></p><ul><li>1</li></ul>'
    assert validate(observation(text={"status": "generated", "div": DIV.format(inner)})) == []


def test_base64_that_makes_other_engines_backtrack_is_answered_at_once() -> None:
    begun = time.perf_counter()
    found = validate({"resourceType": "Binary", "contentType": "text/plain", "data": "AAAA  " * 18 + "!"})
    assert [fault.code for fault in found] == ["E514"]
    assert validate({"resourceType": "Binary", "contentType": "text/plain", "data": "AAAA  " * 18 + "AA=="}) == []
    assert time.perf_counter() - begun < 0.5


def test_no_value_of_the_resource_stands_in_a_fault() -> None:
    found = validate(observation(status="SECRET", SECRET_é="SECRET", subject={"reference": "SECRET"}, valueString=["SECRET"]))
    assert len(found) == 4
    assert not any("SECRET" in f"{fault.text}{fault.help}" for fault in found)


ANY = st.none() | st.booleans() | st.text(max_size=5)


@given(st.recursive(ANY, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=8))
def test_any_content_is_answered_with_faults(value: Any) -> None:
    assert validate(observation(valueQuantity=value, contained=value, text=value))


def work(*bodies: dict[str, Any]) -> Work:
    message = Message(UUID(int=1), 1, "labs", "hl7v2", b"", datetime(2024, 1, 1, tzinfo=UTC), Envelope())
    return Work(message, puts=tuple(Put(body) for body in bodies))


def site() -> Site:
    return Site({}, {}, {}, lambda: datetime(2024, 1, 1, tzinfo=UTC), lambda: UUID(int=1))


def test_the_step_lets_right_resources_pass_and_names_the_wrong_one() -> None:
    run = Validate("fhir R4").compile(site())
    assert not isinstance(run, Fault)
    good = work(observation())
    assert run(good) is good
    found = run(work(observation(), observation(status="x")))
    assert isinstance(found, tuple)
    assert [(fault.code, fault.at) for fault in found] == [("E513", "resource 2: Observation.status")]


def test_the_step_knows_r4_only() -> None:
    found = Validate("fhir R5").compile(site())
    assert isinstance(found, Fault)
    assert found.code == "E525"


@pytest.mark.parametrize("name", [*USUAL, "Flag"])
def test_a_type_is_judged_by_its_own_schema_whether_it_is_compiled_with_others_or_alone(name: str) -> None:
    quick, alone = checker(name), validator(name)
    assert quick is not None
    code = {"text": "x"}
    right: dict[str, Any] = {"resourceType": name, "id": "x", "meta": {"tag": [{"code": "t"}]}}
    for body in (
        right,
        right | {"status": "final", "code": code},
        right | {"status": "registered", "code": code, "subject": {"reference": "Patient/p"}},
        right | {"status": "active", "intent": "order", "subject": {"reference": "Patient/p"}},
        right | {"status": "finished", "class": {"code": "IMP"}},
        right | {"odd": 1},
        right | {"meta": {"odd": 1}},
        right | {"resourceType": "Basic"},
        right | {"id": "a b"},
    ):
        assert quick(body) == alone.is_valid(body), body
    assert not quick(right | {"odd": 1})
    assert not quick(right | {"resourceType": "Basic"})
