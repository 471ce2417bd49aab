"""Patches to the letter: what does not fit is 422, what is no patch is 400; FHIRPath Patch knows which elements repeat."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.integration.fhir.calls import PATIENT, codes, created

JSON_PATCH = {"content-type": "application/json-patch+json"}
JSON = dict[str, Any]


def operation(type: str, path: str, **parts: JSON) -> JSON:
    named = [{"name": "type", "valueCode": type}, {"name": "path", "valueString": path}]
    return {"name": "operation", "part": [*named, *[{"name": name, **value} for name, value in parts.items()]]}


def patched(api: httpx.Client, id: str, *operations: JSON) -> httpx.Response:
    body = {"resourceType": "Parameters", "parameter": list(operations)}
    return api.patch(f"Patient/{id}", json=body, headers={"content-type": "application/fhir+json"})


def text(value: str) -> JSON:
    return {"valueString": value}


@pytest.mark.parametrize(
    ("step", "status", "code"),
    [
        ({"op": "test", "path": "/gender", "value": "female"}, 422, "E579"),
        ({"op": "replace", "path": "/maritalStatus", "value": {}}, 422, "E579"),
        ({"op": "remove", "path": "/name/7"}, 422, "E579"),
        ({"op": "add", "path": "/gender", "value": "none"}, 422, "E513"),
        ({"op": "nothing", "path": "/gender"}, 400, "E574"),
        ({"op": "add", "path": "/gender"}, 400, "E574"),
        ({"op": "add", "path": "gender", "value": "male"}, 400, "E574"),
        ({"path": "/gender"}, 400, "E574"),
    ],
)
def test_what_does_not_fit_and_what_is_no_patch_are_told_apart(api: httpx.Client, step: JSON, status: int, code: str) -> None:
    id = created(api, PATIENT)
    response = api.patch(f"Patient/{id}", json=[{"op": "add", "path": "/active", "value": True}, step], headers=JSON_PATCH)
    assert (response.status_code, codes(response)) == (status, [code])
    assert response.json()["issue"][0]["expression"] == ["[1]"] or code == "E513"
    assert api.get(f"Patient/{id}").headers["etag"] == 'W/"1"'


def test_all_five_kinds_of_fhirpath_patch_on_nested_elements(api: httpx.Client) -> None:
    id = created(api, {**PATIENT, "contact": [{"name": {"family": "First"}}, {"name": {"family": "Second"}}]})
    concept = {"valueCodeableConcept": {"text": "mother"}}
    response = patched(
        api, id,
        operation("add", "Patient.contact[0]", name=text("relationship"), value=concept),
        operation("add", "Patient.contact[0].name", name=text("given"), value=text("Ann")),
        operation("insert", "Patient.contact[0].name.given", index={"valueInteger": 0}, value=text("Mary")),
        operation("move", "Patient.contact", source={"valueInteger": 0}, destination={"valueInteger": 1}),
        operation("replace", "Patient.contact.where(name.family = 'Second').name.family", value=text("Third")),
        operation("delete", "Patient.birthDate"),
        operation("delete", "Patient.maritalStatus"),
    )  # fmt: skip
    assert response.status_code == 200, response.text
    assert response.json()["contact"] == [
        {"name": {"family": "Third"}},
        {"name": {"family": "First", "given": ["Mary", "Ann"]}, "relationship": [{"text": "mother"}]},
    ]
    assert "birthDate" not in response.json()


def test_a_backbone_element_is_added_by_its_parts(api: httpx.Client) -> None:
    id = created(api, PATIENT)
    parts = [
        {"name": "name", "valueHumanName": {"text": "a name"}},
        {"name": "relationship", "valueCodeableConcept": {"text": "friend"}},
        {"name": "period", "part": [{"name": "start", "valueDateTime": "2026"}]},
    ]
    response = patched(api, id, operation("add", "Patient", name=text("contact"), value={"part": parts}))
    assert response.status_code == 200, response.text
    wanted = {"name": {"text": "a name"}, "relationship": [{"text": "friend"}], "period": {"start": "2026"}}
    assert response.json()["contact"] == [wanted]


def test_a_choice_is_added_and_replaced_by_its_bare_name(api: httpx.Client) -> None:
    id = created(api, PATIENT)
    added = patched(api, id, operation("add", "Patient", name=text("deceased"), value={"valueBoolean": False}))
    assert added.json()["deceasedBoolean"] is False
    replaced = patched(api, id, operation("replace", "Patient.deceased", value={"valueDateTime": "2026-01-02"}))
    assert replaced.json()["deceasedDateTime"] == "2026-01-02"
    assert "deceasedBoolean" not in replaced.json()


def test_what_is_deleted_takes_its_extensions_along(api: httpx.Client) -> None:
    extended = {"extension": [{"url": "urn:x", "valueCode": "y"}]}
    id = created(api, {**PATIENT, "_birthDate": extended, "name": [{"given": ["A", "B"], "_given": [None, extended]}]})
    body = patched(api, id, operation("delete", "Patient.birthDate"), operation("delete", "Patient.name.given[0]")).json()
    assert "_birthDate" not in body
    assert body["name"] == [{"given": ["B"], "_given": [extended]}]


@pytest.mark.parametrize(
    ("step", "status", "code"),
    [
        (operation("replace", "Patient.maritalStatus", value={"valueCodeableConcept": {"text": "x"}}), 422, "E579"),
        (operation("delete", "Patient.name.given"), 422, "E579"),
        (operation("insert", "Patient.name", index={"valueInteger": 9}, value={"valueHumanName": {"text": "x"}}), 422, "E579"),
        (operation("nothing", "Patient.name"), 400, "E574"),
        (operation("add", "Patient..name", name=text("a"), value=text("b")), 400, "E574"),
        ({"name": "operation", "part": [{"name": "type", "valueCode": "add"}]}, 400, "E574"),
    ],
)
def test_a_fhirpath_patch_that_does_not_fit(api: httpx.Client, step: JSON, status: int, code: str) -> None:
    id = created(api, {**PATIENT, "name": [{"given": ["A", "B"]}]})
    response = patched(api, id, step)
    assert (response.status_code, codes(response)) == (status, [code])


def test_a_merge_patch_removes_by_null_and_replaces_lists(api: httpx.Client) -> None:
    id = created(api, {**PATIENT, "maritalStatus": {"text": "M", "coding": [{"code": "M"}]}})
    change = {"gender": None, "maritalStatus": {"text": None}, "name": [{"family": "New"}], "active": True}
    response = api.patch(f"Patient/{id}", json=change, headers={"content-type": "application/merge-patch+json"})
    assert response.status_code == 200, response.text
    body = response.json()
    assert "gender" not in body
    assert (body["maritalStatus"], body["name"], body["active"]) == ({"coding": [{"code": "M"}]}, [{"family": "New"}], True)


def test_a_patched_reference_to_this_server_is_kept_relative(api: httpx.Client) -> None:
    id = created(api, PATIENT)
    step = {"op": "add", "path": "/managingOrganization", "value": {"reference": f"{api.base_url}Organization/1"}}
    response = api.patch(f"Patient/{id}", json=[step], headers=JSON_PATCH)
    assert response.json()["managingOrganization"] == {"reference": "Organization/1"}


def test_json_merge_and_fhirpath_patches(api: httpx.Client) -> None:
    id = created(api, PATIENT)
    steps = [{"op": "test", "path": "/gender", "value": "male"}, {"op": "replace", "path": "/gender", "value": "female"}]
    response = api.patch(f"Patient/{id}", json=steps, headers={"content-type": "application/json-patch+json"})
    assert (response.status_code, response.json()["gender"], response.headers["etag"]) == (200, "female", 'W/"2"')
    failed = api.patch(f"Patient/{id}", json=steps, headers={"content-type": "application/json-patch+json"})
    assert (failed.status_code, codes(failed)) == (422, ["E579"])
    merged = api.patch(f"Patient/{id}", json={"birthDate": None, "active": True})
    assert merged.json()["active"] is True
    assert "birthDate" not in merged.json()
    parameters = {
        "resourceType": "Parameters",
        "parameter": [
            {
                "name": "operation",
                "part": [
                    {"name": "type", "valueCode": "replace"},
                    {"name": "path", "valueString": "Patient.name[0].family"},
                    {"name": "value", "valueString": "Meyer"},
                ],
            },
            {
                "name": "operation",
                "part": [
                    {"name": "type", "valueCode": "add"},
                    {"name": "path", "valueString": "Patient"},
                    {"name": "name", "valueString": "birthDate"},
                    {"name": "value", "valueDate": "1980-01-01"},
                ],
            },
        ],
    }
    patched = api.patch(f"Patient/{id}", json=parameters, headers={"content-type": "application/fhir+json"})
    assert patched.status_code == 200, patched.text
    assert (patched.json()["name"][0]["family"], patched.json()["birthDate"]) == ("Meyer", "1980-01-01")
    wrong = api.patch(f"Patient/{id}", json={"gender": "nonsense"})
    assert (wrong.status_code, codes(wrong)) == (422, ["E513"])
    stale = api.patch(f"Patient/{id}", json={"active": False}, headers={"if-match": 'W/"1"'})
    assert stale.status_code == 412
