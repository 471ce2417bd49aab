"""What a merging write leaves of the stored resource. Links: FHIR R4, Patient.link, each a statement about one other record."""

from __future__ import annotations

from typing import Any

from fhir.store.merge import merge


def link(other: str, type: str) -> dict[str, Any]:
    return {"other": {"reference": f"Patient/{other}"}, "type": type}


def patient(*links: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"resourceType": "Patient", "id": "a", **more, **({"link": list(links)} if links else {})}


def test_a_patient_s_links_to_other_records_are_added_up() -> None:
    merged = merge(patient(link("b", "replaces")), patient(link("c", "replaces")))
    assert merged["link"] == [link("b", "replaces"), link("c", "replaces")]


def test_a_link_never_ends_what_was_said_of_a_merged_patient() -> None:
    merged = merge(patient(link("b", "replaced-by"), active=False), patient(link("c", "seealso")))
    assert (merged["active"], merged["link"]) == (False, [link("b", "replaced-by"), link("c", "seealso")])


def test_what_is_said_of_the_same_record_is_said_anew() -> None:
    again = merge(patient(link("b", "seealso"), link("c", "seealso")), patient(link("b", "replaced-by")))
    assert again["link"] == [link("b", "replaced-by"), link("c", "seealso")]
    assert merge(again, patient(link("c", "seealso"))) == again  # told once more, nothing changes


def test_the_links_stay_when_none_are_told_and_go_when_they_are_cleared() -> None:
    assert merge(patient(link("b", "seealso")), patient(gender="female"))["link"] == [link("b", "seealso")]
    assert "link" not in merge(patient(link("b", "seealso")), patient(gender="female"), ("link",))


def test_what_is_cleared_below_an_element_leaves_the_rest_of_it() -> None:
    stored = {"resourceType": "Encounter", "id": "a", "period": {"start": "1", "end": "2", "_end": {}}, "length": {"value": 1}}
    told: dict[str, Any] = {"resourceType": "Encounter", "id": "a"}
    assert merge(stored, told, ("period.end",)) == {**stored, "period": {"start": "1"}}
    assert merge(stored, {**told, "period": {"start": "3"}}, ("period.end",))["period"] == {"start": "3"}
    assert merge(stored, told, ("length.value", "period.start.x")) == {name: stored[name] for name in stored if name != "length"}
    names = {"resourceType": "Patient", "id": "a", "name": [{"family": "x", "period": {}}, {"period": {}}]}
    assert merge(names, {"resourceType": "Patient", "id": "a"}, ("name.period",))["name"] == [{"family": "x"}]


def test_lists_of_other_elements_and_types_are_what_was_told_last() -> None:
    before, after = {"resourceType": "Person", "id": "a"}, [{"target": {"reference": "Patient/b"}}]
    assert merge({**before, "link": [{"target": {"reference": "Patient/c"}}]}, {**before, "link": after})["link"] == after
    assert merge(patient(name=[{"family": "A"}]), patient(name=[{"family": "B"}]))["name"] == [{"family": "B"}]


def allergy(**status: str) -> dict[str, Any]:
    return {"resourceType": "AllergyIntolerance", **{name: {"coding": [{"code": code}]} for name, code in status.items()}}


def test_what_was_entered_in_error_has_no_clinical_status_and_what_is_told_again_no_error() -> None:
    active, error = allergy(clinicalStatus="active"), allergy(verificationStatus="entered-in-error")
    assert merge(active, error) == error
    assert merge(error, active) == active
    assert merge(error, allergy()) == error


def test_a_status_of_which_nothing_is_told_now_stays() -> None:
    confirmed = allergy(verificationStatus="confirmed")
    assert merge(confirmed, allergy(clinicalStatus="active")) == allergy(verificationStatus="confirmed", clinicalStatus="active")
