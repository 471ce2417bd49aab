"""CWE and its family. Expected values: guide maps CWE[CodeableConcept], CWE[Quantity]; R4 "Using Codes" for system URIs."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from fhir.convert import converter
from fhir.convert.codes import boolean, coding, concept, from_concept, unit, words
from fhir.convert.systems import authority_uri, system_name, system_uri

from .fields import er7, rep


def test_a_cwe_has_its_three_triplets_versions_and_original_text() -> None:
    field = "100383-9^MVPX DNA Spec^LN^1233^Monkeypox generic^L^2.74^v unknown^as written^CDC-10515^Poxvirus^99CDC^7"
    assert concept(rep(field)) == {
        "coding": [
            {"system": "http://loinc.org", "version": "2.74", "code": "100383-9", "display": "MVPX DNA Spec"},
            {"system": "urn:id:L", "version": "v unknown", "code": "1233", "display": "Monkeypox generic"},
            {"system": "urn:id:99CDC", "version": "7", "code": "CDC-10515", "display": "Poxvirus"},
        ],
        "text": "as written",
    }


def test_a_text_without_a_code_stays_a_display_as_the_guide_has_it() -> None:
    assert concept(rep("^Normal sinus rhythm")) == {"coding": [{"display": "Normal sinus rhythm"}]}


def test_an_empty_coded_field_says_nothing() -> None:
    assert concept(rep("^^LN^^^LN")) is None


def test_only_the_alternate_triplet_may_be_valued() -> None:
    assert concept(rep("^^^GLU^Glucose^L")) == {"coding": [{"system": "urn:id:L", "code": "GLU", "display": "Glucose"}]}


def test_a_coding_system_may_be_named_by_its_oid_alone() -> None:
    field = "X^Y^" + "^" * 10 + "^2.16.840.1.113883.6.1"
    assert coding(rep(field)) == {"system": "http://loinc.org", "code": "X", "display": "Y"}


@pytest.mark.parametrize(
    ("name", "uri"),
    [
        ("LN", "http://loinc.org"),
        ("SCT", "http://snomed.info/sct"),
        ("CPT", "http://www.ama-assn.org/go/cpt"),
        ("SNOMED CT", "http://snomed.info/sct"),
        ("ICD-10-CM", "http://hl7.org/fhir/sid/icd-10-cm"),
        ("UCUM", "http://unitsofmeasure.org"),
        ("I9C", "http://hl7.org/fhir/sid/icd-9-cm"),
        ("I10C", "http://hl7.org/fhir/sid/icd-10-cm"),
        ("I10", "http://hl7.org/fhir/sid/icd-10"),
        ("MDC", "urn:iso:std:iso:11073:10101"),
        ("C4", "http://www.ama-assn.org/go/cpt"),
        ("CVX", "http://hl7.org/fhir/sid/cvx"),
        ("HL70078", "http://terminology.hl7.org/CodeSystem/v2-0078"),
        ("hl70001", "http://terminology.hl7.org/CodeSystem/v2-0001"),
        # FHIR R4 "Using Codes", 4.3.0: the URI stands for the OID where both are listed
        ("2.16.840.1.113883.6.1", "http://loinc.org"),
        ("urn:oid:2.16.840.1.113883.6.96", "http://snomed.info/sct"),
        ("2.16.840.1.113883.19.7", "urn:oid:2.16.840.1.113883.19.7"),
        ("99LAB 1", "urn:id:99LAB%201"),
        ("", ""),
    ],
)
def test_a_coding_system_name_has_its_uri(name: str, uri: str) -> None:
    assert system_uri(name) == uri


@pytest.mark.parametrize("name", ["LN", "SCT", "UCUM", "I10", "HL70078", "99LAB 1", "L", "2.16.840.1.113883.19.7"])
def test_a_coding_system_reads_back_by_its_name(name: str) -> None:
    assert system_name(system_uri(name)) == name


@pytest.mark.parametrize(
    ("hd", "uri"),
    [
        (("HOSP", "2.16.840.1.114222.4.1", "ISO"), "urn:oid:2.16.840.1.114222.4.1"),
        (("HOSP", "", ""), "urn:id:HOSP"),
        (("", "11D0668319", "CLIA"), "urn:id:11D0668319"),
        (("X", "https://hospital.example/mrn", "URI"), "https://hospital.example/mrn"),
        (("X", "F81D4FAE-7DEC-11D0-A765-00A0C91E6BF6", "UUID"), "urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6"),
        (("X", "not an oid", "ISO"), "urn:id:X"),
        (("", "", ""), ""),
    ],
)
def test_an_assigning_authority_has_a_uri_that_is_never_made_up(hd: tuple[str, str, str], uri: str) -> None:
    assert authority_uri(*hd) == uri


def test_a_unit_has_its_code_only_with_its_system() -> None:
    assert unit(rep("mg/dL^milligram per deciliter^UCUM")) == {
        "unit": "milligram per deciliter",
        "system": "http://unitsofmeasure.org",
        "code": "mg/dL",
    }
    assert unit(rep("mg/dL")) == {"unit": "mg/dL"}


def test_a_concept_says_in_words_what_the_sender_wrote() -> None:
    assert words(rep("A^Alpha^L^^^^^^as typed")) == "as typed"
    assert words(rep("A^Alpha^L")) == "Alpha"
    assert words(rep("A")) == "A"


def test_yes_and_no_and_nothing() -> None:
    assert [boolean(text) for text in ("Y", "n", "", "U")] == [True, False, None, None]


def test_a_concept_goes_back_to_the_field_it_came_from() -> None:
    field = "718-7^Hemoglobin^LN^HGB^Hgb^99LAB^2.74^3^Haemoglobin"
    assert er7(from_concept(concept(rep(field)) or {})) == field


def test_ce_cwe_cne_and_cf_are_one_family() -> None:
    assert {id(converter(name, "CodeableConcept")) for name in ("CE", "CWE", "CNE", "CF")} == {
        id(converter("CWE", "CodeableConcept"))
    }


def test_what_a_table_answers_is_a_concept_with_its_system() -> None:
    @dataclass
    class Answer:
        code: str
        system: str = ""
        display: str = ""

    both = converter("Coded", "CodeableConcept")
    assert both is not None
    assert both.to_fhir(Answer("H", "http://example.org", "High")) == {
        "coding": [{"system": "http://example.org", "code": "H", "display": "High"}]
    }
    assert both.to_fhir(Answer("")) is None


def test_a_unit_sent_as_the_alternate_only_is_not_lost() -> None:
    assert unit(rep("^^^mm Hg")) == {"unit": "mm Hg"}
    assert unit(rep("^^^mm[Hg]^millimeter of mercury^UCUM")) == {
        "unit": "millimeter of mercury",
        "system": "http://unitsofmeasure.org",
        "code": "mm[Hg]",
    }


def test_a_local_unit_code_keeps_its_local_system_as_the_guide_has_it() -> None:
    assert unit(rep("1^^METRIC")) == {"unit": "1", "system": "urn:id:METRIC", "code": "1"}
