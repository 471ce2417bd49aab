"""An XML document is read by the names of its elements and attributes, through the one hardened parser."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.json_format import Node
from adapters.xml_format import Xml
from engine.fault import Fault
from engine.mapping.library import Plugins, build
from fhir.convert import CONVERTERS
from fhir.model import Model

XML = Xml()
BODY = b"""<?xml version="1.0" encoding="UTF-8"?>
<d:Reading xmlns:d="urn:devices" SERIAL="7">
  <Patient ID="P1"><Name>Ann <!-- a comment -->Lee</Name></Patient>
  <Value unit="bpm">72</Value>
  <Value unit="%"> 98.50 </Value>
  <Empty/>
</d:Reading>"""


def read(path: str, body: bytes = BODY) -> list[Any]:
    scope, found = XML.parse(body), XML.path(path, "", "")
    assert isinstance(scope, Node), scope
    assert not isinstance(found, Fault)
    return found.all(scope)


@pytest.mark.parametrize(
    ("path", "values"),
    [
        ("@SERIAL", ["7"]), ("Patient.@ID", ["P1"]), ("Patient.Name", ["Ann Lee"]), ("Value", ["72", "98.50"]), ("Value[2]", ["98.50"]),
        ("Patient[1].Name", ["Ann Lee"]), ("Value.@unit", ["bpm", "%"]), ("Empty", []), ("Patient", []), ("Nothing", []), ("Value[3]", []),
    ],
)  # fmt: skip
def test_a_path_reads_elements_and_attributes(path: str, values: list[str]) -> None:
    assert read(path) == values


def test_each_gives_the_elements_one_by_one_and_reads_what_encloses_them() -> None:
    scope = XML.parse(BODY)
    assert isinstance(scope, Node)
    unit, patient = XML.path("@unit", "", "Value"), XML.path("Patient.@ID", "", "Value")
    assert not isinstance(unit, Fault) and not isinstance(patient, Fault)
    assert [(unit.first(one), patient.first(one)) for one in scope.each("Value")] == [("bpm", "P1"), ("%", "P1")]
    assert patient.where(scope.each("Value")[0])[0] == "Patient[1].@ID"


def test_an_empty_elements_text_is_not_its_parents() -> None:
    scope, path = XML.parse(b"<r>stray<a/></r>"), XML.path("#text", "", "a")
    assert isinstance(scope, Node) and not isinstance(path, Fault)
    assert (path.first(scope), path.first(scope.each("a")[0])) == ("stray", None)


def test_the_roots_name_is_the_type() -> None:
    found = XML.envelope(BODY)
    assert not isinstance(found, Fault)
    assert found.type == "Reading"


def test_a_value_cut_by_a_comment_is_whole() -> None:
    assert read("a", b"<r><a>12<!-- -->3</a></r>") == ["123"]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"<a>", "E190"), (b"", "E190"), (b'<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><a>&b;</a>', "E192"),
        (b"<a>" * 300 + b"</a>" * 300, "E193"),
    ],
)  # fmt: skip
def test_what_is_no_harmless_document_is_refused(body: bytes, code: str) -> None:
    for found in (XML.parse(body), XML.envelope(body)):
        assert isinstance(found, Fault)
        assert found.code == code


@pytest.mark.parametrize("text", ["a..b", "/patient/@id", "a/b", "//a", "a@b", "1a", "a b", "a:b", "@", "text()"])
def test_a_path_that_is_none_is_told(text: str) -> None:
    found = XML.path(text, "", "")
    assert isinstance(found, Fault)
    assert found.code == "E196"


@given(st.binary(max_size=200))
def test_no_bytes_make_it_raise(body: bytes) -> None:
    XML.parse(body)


def test_a_mapping_reads_a_document() -> None:
    text = """mapping: it
reads: xml
writes: fhir R4
resources:
  Observation each Value if @unit valued:
    key: Patient.@ID, @unit
    status: final
    code: { text: =@unit }
    valueQuantity: { value: =#text }
"""
    library = build({"it.yaml": text}, Plugins({"xml": XML}, {"fhir": Model()}, (CONVERTERS,)))
    assert not library.diagnostics, library.diagnostics
    found = library.mappings["it"].run(XML.parse(BODY))
    assert isinstance(found, list), found
    assert [str(put.body["valueQuantity"]["value"]) for put in found] == ["72", "98.50"]
