"""FHIR XML: every official example there and back, and what is refused."""

from __future__ import annotations

import re
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from lxml import etree

from engine.fault import Fault
from fhir import encode, xml_read, xml_write
from fhir.build import definitions

OBSERVATION = b"""<?xml version="1.0" encoding="UTF-8"?>
<Observation xmlns="http://hl7.org/fhir">
  <id value="o1"/>
  <text><status value="generated"/><div xmlns="http://www.w3.org/1999/xhtml">a <b class="x">b</b> &amp; c<br/></div></text>
  <contained><Patient><id value="p"/>
    <birthDate value="1970-01"><extension url="urn:x"><valueBoolean value="true"/></extension></birthDate></Patient></contained>
  <extension id="e1" url="urn:y"><valueDecimal value="7.10"/></extension>
  <status value="final"/>
  <code><coding id="c1"><system value="http://loinc.org"/><code value="2823-3"/></coding></code>
  <valueQuantity><value value="4.50"/><unit value="mmol/L"/></valueQuantity>
</Observation>"""
AS_JSON: dict[str, Any] = {
    "resourceType": "Observation",
    "id": "o1",
    "text": {"status": "generated", "div": '<div xmlns="http://www.w3.org/1999/xhtml">a <b class="x">b</b> &amp; c<br/></div>'},
    "contained": [
        {
            "resourceType": "Patient",
            "id": "p",
            "birthDate": "1970-01",
            "_birthDate": {"extension": [{"url": "urn:x", "valueBoolean": True}]},
        }
    ],
    "extension": [{"id": "e1", "url": "urn:y", "valueDecimal": Decimal("7.10")}],
    "status": "final",
    "code": {"coding": [{"id": "c1", "system": "http://loinc.org", "code": "2823-3"}]},
    "valueQuantity": {"value": Decimal("4.50"), "unit": "mmol/L"},
}


def test_attributes_narrative_contained_and_extensions_of_primitives_are_read_as_the_specification_maps_them() -> None:
    found = xml_read.read(OBSERVATION)
    assert found == AS_JSON
    assert str(found["valueQuantity"]["value"]) == "4.50"


def test_elements_are_written_in_the_order_of_the_definition() -> None:
    shuffled = dict(reversed(AS_JSON.items()))
    written = xml_write.write(shuffled)
    assert isinstance(written, bytes)
    assert [etree.QName(child).localname for child in etree.fromstring(written)] == [
        "id", "text", "contained", "extension", "status", "code", "valueQuantity",
    ]  # fmt: skip


def test_lists_of_primitives_keep_their_places() -> None:
    body = {"resourceType": "Patient", "name": [{"given": ["Jörg", None, "K\nä"], "_given": [None, {"id": "g"}, None]}]}
    written = xml_write.write(body)
    assert isinstance(written, bytes)
    assert b'<given value="J\xc3\xb6rg"/><given id="g"/><given value="K&#10;\xc3\xa4"/>' in written
    assert xml_read.read(written) == body


def canonical(value: Any) -> Any:
    """With narratives in XML's canonical form: attributes in order, characters for entities, no comments."""
    if isinstance(value, dict):
        return {key: plain(one) if key == "div" and isinstance(one, str) else canonical(one) for key, one in value.items()}
    return [canonical(one) for one in value] if isinstance(value, list) else value


def plain(div: str) -> str:
    parser = etree.XMLParser(resolve_entities=False, no_network=True, remove_comments=True)
    text = xml_write.ENTITY.sub(xml_write.character, div)
    return etree.tostring(etree.fromstring(text.encode(), parser), method="c14n").decode()


def digits(body: dict[str, Any]) -> list[str]:
    """Every number as it is written, in no order."""
    return sorted(re.findall(r"(?<=:)-?[0-9][0-9.eE+-]*", encode.dumps(body).decode()))


def test_every_official_example_survives_the_way_through_xml(r4_examples: list[Path]) -> None:
    wrong = []
    for path in r4_examples:
        body = definitions.read(path)
        written = xml_write.write(body)
        back = xml_read.read(written) if isinstance(written, bytes) else written
        if isinstance(back, Fault) or canonical(back) != canonical(body):
            wrong.append((path.name, back if isinstance(back, Fault) else "differs"))
        elif digits(back) != digits(body):
            wrong.append((path.name, "digits"))
    assert len(r4_examples) > 700
    assert wrong == []


@pytest.mark.parametrize(
    ("inside", "code", "at"),
    [
        ('<status value="final"/><nonsense value="1"/>', "E510", "Observation.nonsense"),
        ('<status value="final" codes="1"/>', "E510", "Observation.status.codes"),
        ('<status value="final"/><status value="final"/>', "E519", "Observation.status"),
        ("<status/>", "E520", "Observation.status"),
        ("final", "E512", "Observation"),
        ('<valueBoolean value="yes"/>', "E524", "Observation.valueBoolean"),
        ("<contained><Nonsense/></contained>", "E523", "Observation.contained"),
        ("<contained/>", "E519", "Observation.contained"),
        ('<x:status xmlns:x="urn:x" value="final"/>', "E510", "Observation"),
        ('<code><text value="a"/></code><status value="final"/>', "E517", "Observation.status"),
        ('<status value="final"/><id value="a"/>', "E517", "Observation.id"),
        ('<status value="final"/><extension url="urn:x"/>', "E517", "Observation.extension"),
        ('<code><text value="a"/><coding><code value="b"/></coding></code>', "E517", "Observation.code.coding"),
        (
            '<note><text value="a"/></note><bodySite><text value="b"/></bodySite><note><text value="c"/></note>',
            "E517",
            "Observation.note",
        ),
        ('<status value="final"><x xmlns="urn:x"/></status>', "E510", "Observation.status"),
        ('<status x:value="final" xmlns:x="urn:x"/>', "E510", "Observation.status"),
        ('<status value="final">final</status>', "E512", "Observation.status"),
        ("<contained><Patient/><Patient/></contained>", "E519", "Observation.contained"),
    ],
)
def test_what_is_not_fhir_xml_is_refused_with_its_place(inside: str, code: str, at: str) -> None:
    found = xml_read.read(f'<Observation xmlns="http://hl7.org/fhir">{inside}</Observation>'.encode())
    assert isinstance(found, Fault)
    assert (found.code, found.at) == (code, at)


@pytest.mark.parametrize("body", [b"", b"{}", b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>', b"<a", b"<Patient/>", b"<a>" * 5000])
def test_hostile_xml_is_refused(body: bytes) -> None:
    assert isinstance(xml_read.read(body), Fault)


def test_a_character_that_xml_lacks_is_told() -> None:
    found = xml_write.write({"resourceType": "Patient", "name": [{"family": "a\ufffe"}]})
    assert isinstance(found, Fault)
    assert found.code == "E529"
