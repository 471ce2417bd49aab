"""The element model against its sources: the R4 pages, and the independent metadata of fhir.resources."""

from __future__ import annotations

import importlib
from decimal import Decimal

import pytest

from engine.fault import Fault
from fhir import model
from fhir.ids import resource_id

COMMON = [
    "AllergyIntolerance", "Appointment", "Bundle", "CarePlan", "Claim", "Condition", "Coverage", "Device", "DiagnosticReport",
    "DocumentReference", "Encounter", "Immunization", "Location", "MedicationRequest", "MessageHeader", "Observation",
    "Organization", "Patient", "Practitioner", "PractitionerRole", "Procedure", "Provenance", "Questionnaire", "RelatedPerson",
    "ServiceRequest", "Specimen", "Task",
]  # fmt: skip


def test_an_element_is_found_through_its_types() -> None:
    found = model.element("Observation.referenceRange.low.value")
    assert found is not None
    assert (found.type, found.min, found.max, found.primitive) == ("decimal", 0, 1, True)


def test_a_choice_is_named_by_its_members() -> None:
    found = model.element("Observation.valueQuantity")
    assert found is not None
    assert (found.type, found.choice, found.min) == ("Quantity", "value[x]", 0)
    assert model.element("Observation.value") is None
    assert "valueQuantity" in model.children("Observation")
    assert "medication[x]" in model.required("MedicationRequest")


def test_status_and_code_of_an_observation_must_stand() -> None:
    assert model.required("Observation") == ("status", "code")


def test_the_codes_of_a_required_binding_are_complete() -> None:
    found = model.element("Observation.status")
    assert found is not None
    # https://hl7.org/fhir/R4/valueset-observation-status.html
    assert set(found.codes or ()) == {
        "registered", "preliminary", "final", "amended", "corrected", "cancelled", "entered-in-error", "unknown",
    }  # fmt: skip


def test_an_observation_is_about_what_r4_says_and_not_what_r4b_says() -> None:
    found = model.element("Observation.subject")
    assert found is not None
    assert set(found.targets) == {"Patient", "Group", "Device", "Location"}


def test_a_backbone_element_says_so_and_has_its_own_children() -> None:
    found = model.element("Observation.component")
    assert found is not None
    assert (found.type, found.max) == ("BackboneElement", None)
    assert "valueQuantity" in model.children("Observation.component")
    assert "referenceRange" in model.children("Observation.component")
    assert model.element("Observation.component.referenceRange.text") is not None


def test_children_stand_in_the_order_of_the_standard() -> None:
    names = model.children("Patient")
    assert names[:8] == ("id", "meta", "implicitRules", "language", "text", "contained", "extension", "modifierExtension")
    assert names.index("identifier") < names.index("name") < names.index("birthDate")


def test_there_are_all_resources_of_r4() -> None:
    found = set(model.resources())
    assert len(found) == 146  # the concrete types of https://hl7.org/fhir/R4/resourcelist.html in the package
    assert {"Patient", "Observation", "Bundle", "ValueSet"} <= found
    assert not {"SubscriptionTopic", "SubscriptionStatus", "Resource", "DomainResource"} & found


def test_what_does_not_exist_is_none() -> None:
    assert model.element("Observation.nonsense") is None
    assert model.element("Nonsense.status") is None
    assert model.children("Observation.status") == ()
    assert model.children("Nonsense") == ()


@pytest.mark.parametrize("name", COMMON)
def test_the_model_agrees_with_fhir_resources(name: str) -> None:
    r4b = getattr(importlib.import_module(f"fhir.resources.R4B.{name.lower()}"), name)
    theirs = {
        (field.alias or key): field.json_schema_extra or {}
        for key, field in r4b.model_fields.items()
        if not (field.alias or key).startswith("_") and key not in ("fhir_comments", "resource_type")
    }
    ours = model.type_of(name)
    assert ours is not None
    assert set(ours.elements) == set(theirs)
    for key, extra in theirs.items():
        mine = ours.elements[key]
        if extra.get("element_required"):
            assert mine.min >= 1, key
        assert (extra.get("one_of_many") or "") == mine.choice.removesuffix("[x]"), key


@pytest.mark.parametrize(
    ("type", "text", "value"),
    [
        ("boolean", "true", True),
        ("decimal", "7.10", Decimal("7.10")),
        ("decimal", "1e3", Decimal("1E+3")),
        ("positiveInt", "3", 3),
        ("date", "2024-02-29", "2024-02-29"),
        ("dateTime", "2024-02-29T23:59:60+14:00", "2024-02-29T23:59:60+14:00"),
        ("code", "final", "final"),
        ("base64Binary", "aGVsbG8=", "aGVsbG8="),
    ],
)
def test_a_literal_becomes_the_value_of_its_type(type: str, text: str, value: object) -> None:
    found = model.Model().literal(type, text)
    assert (found, str(found)) == (value, str(value))


@pytest.mark.parametrize(
    ("type", "text"),
    [
        ("boolean", "yes"),
        ("decimal", "7,1"),
        ("decimal", "NaN"),
        ("decimal", "1e999999"),
        ("positiveInt", "0"),
        ("integer", "2147483648"),
        ("date", "2023-02-29"),
        ("date", "2100-02-29"),
        ("date", "2024-04-31"),
        ("date", "0000"),
        ("dateTime", "2024-01-01T25:00:00Z"),
        ("dateTime", "2024-01-01T10:00:00"),
        ("instant", "2024-01-01"),
        ("code", " final"),
        ("id", "a/b"),
        ("string", ""),
        ("uri", "a b"),
        ("base64Binary", "abc"),
    ],
)
def test_a_literal_of_another_type_is_a_fault(type: str, text: str) -> None:
    found = model.Model().literal(type, text)
    assert isinstance(found, Fault)
    assert found.code == "E524"


def test_the_same_key_gives_the_same_id_and_another_key_another() -> None:
    assert resource_id("Patient", "a", "bc") == resource_id("Patient", "a", "bc")
    assert len({resource_id("Patient", "a", "bc"), resource_id("Patient", "ab", "c"), resource_id("Group", "a", "bc")}) == 3


def test_the_package_and_fhir_resources_share_their_name() -> None:
    assert importlib.import_module("fhir.resources.R4B.patient").Patient
    assert importlib.import_module("fhir.model").Model
