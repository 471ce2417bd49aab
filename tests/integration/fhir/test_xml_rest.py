"""The API in XML: asked for by `_format` or Accept, sent by Content-Type."""

from __future__ import annotations

import httpx
import pytest

from tests.integration.fhir.calls import PATIENT, codes, created

PATIENT_XML = (
    '<Patient xmlns="http://hl7.org/fhir"><name><family value="Müller"/></name><birthDate value="1970-01-02"/></Patient>'
)


def test_what_is_sent_in_xml_is_read_in_json_and_back(api: httpx.Client) -> None:
    made = api.post("Patient", content=PATIENT_XML.encode(), headers={"content-type": "application/fhir+xml"})
    assert made.status_code == 201, made.text
    assert made.headers["content-type"].startswith("application/fhir+json")
    body = made.json()
    assert (body["name"], body["birthDate"]) == ([{"family": "Müller"}], "1970-01-02")
    read = api.get(f"Patient/{body['id']}?_format=xml")
    assert read.headers["content-type"] == "application/fhir+xml; charset=utf-8"
    assert '<family value="Müller"/>' in read.text
    changed = api.put(
        f"Patient/{body['id']}",
        content=read.content,
        headers={"content-type": "application/fhir+xml", "accept": "application/fhir+xml"},
    )
    assert (changed.status_code, changed.headers["etag"]) == (200, 'W/"1"')


@pytest.mark.parametrize(
    ("accept", "xml"),
    [
        ("application/fhir+xml", True),
        ("text/xml, application/json;q=0.5", True),
        ("application/fhir+json, application/fhir+xml;q=0.9", False),
        ("application/fhir+xml;fhirVersion=4.0", True),
        ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", True),
        ("*/*", False),
    ],
)
def test_the_client_chooses_by_accept(api: httpx.Client, accept: str, xml: bool) -> None:
    for path in ("metadata", "Patient", "Patient/unknown"):
        found = api.get(path, headers={"accept": accept})
        assert found.headers["content-type"].startswith("application/fhir+xml" if xml else "application/fhir+json")
        assert found.content.startswith(b"<?xml" if xml else b"{")


def test_a_page_and_its_entries_are_xml(api: httpx.Client) -> None:
    id = created(api, PATIENT)
    text = api.get("Patient?family=m&_format=application/fhir%2Bxml").text
    assert f'<entry><fullUrl value="{api.base_url}Patient/{id}"/><resource><Patient><id value="{id}"/>' in text


def test_xml_of_another_type_than_it_says_is_refused(api: httpx.Client) -> None:
    for body in (b"{}", b"<Patient/>", b"<!DOCTYPE a><Patient/>"):
        found = api.post("Patient", content=body, headers={"content-type": "application/fhir+xml"})
        assert found.status_code in (400, 422)
    found = api.post("Patient", content=PATIENT_XML.encode(), headers={"content-type": "application/fhir+json"})
    assert (found.status_code, codes(found)) == (400, ["E501"])
