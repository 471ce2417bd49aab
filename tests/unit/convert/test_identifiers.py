"""Identifiers. Expected values: guide maps CX[Identifier], EIP[…], HD[…], XON[Organization], XCN[Practitioner]."""

from __future__ import annotations

from fhir.convert.identifiers import cx, dln, ei, eip, from_cx, from_eip, hd_identifiers
from fhir.convert.people import xcn, xcn_reference
from fhir.convert.places import xon, xon_identifier

from .fields import er7, rep

V2_0203 = "http://terminology.hl7.org/CodeSystem/v2-0203"


def test_a_cx_has_its_type_system_and_assigner() -> None:
    assert cx(rep("PID123^^^SPHL-000048&2.16.840.1.114222.4.1.10765&ISO^PI")) == {
        "type": {"coding": [{"system": V2_0203, "code": "PI"}]},
        "system": "urn:oid:2.16.840.1.114222.4.1.10765",
        "value": "PID123",
        "assigner": {"display": "SPHL-000048"},
    }


def test_an_authority_known_by_its_namespace_only_is_a_local_name() -> None:
    assert cx(rep("4711^^^HOSP^MR")) == {
        "type": {"coding": [{"system": V2_0203, "code": "MR"}]},
        "system": "urn:id:HOSP",
        "value": "4711",
    }


def test_a_cx_without_an_authority_has_no_system() -> None:
    assert cx(rep("4711")) == {"value": "4711"}


def test_a_type_that_is_not_of_the_table_has_no_system() -> None:
    found = cx(rep("4711^^^HOSP^MRN"))
    assert isinstance(found, dict) and found["type"] == {"coding": [{"code": "MRN"}]}


def test_a_cx_without_a_number_is_no_identifier() -> None:
    assert cx(rep("^^^HOSP^MR")) is None


def test_the_check_digit_and_the_validity_are_kept() -> None:
    field = "IDNumber^7^M11^HOSP^MR^^19880704^20880704"
    found = cx(rep(field))
    assert isinstance(found, dict)
    assert found["period"] == {"start": "1988-07-04", "end": "2088-07-04"}
    assert [mark["valueString"] for mark in found["extension"]] == ["7", "M11"]
    assert er7(from_cx(found)) == field  # type: ignore[arg-type]


def test_a_namespace_and_an_oid_both_go_back() -> None:
    field = "PID123^^^SPHL-000048&2.16.840.1.114222.4.1.10765&ISO^PI"
    assert er7(from_cx(cx(rep(field)))) == field  # type: ignore[arg-type]


def test_an_ei_is_an_identifier_of_its_universal_id() -> None:
    assert ei(rep("S123^SPHL^2.16.840.1.114222.4.1^ISO")) == {
        "system": "urn:oid:2.16.840.1.114222.4.1",
        "value": "S123",
        "assigner": {"display": "SPHL"},
    }


def test_an_eip_is_the_placers_and_the_fillers_identifier() -> None:
    found = eip(rep("P1&LAB^F1&CSV&2.16.840.1.5&ISO"))
    assert found == [
        {"type": {"coding": [{"system": V2_0203, "code": "PGN"}]}, "system": "urn:id:LAB", "value": "P1"},
        {
            "type": {"coding": [{"system": V2_0203, "code": "FGN"}]},
            "system": "urn:oid:2.16.840.1.5",
            "value": "F1",
            "assigner": {"display": "CSV"},
        },
    ]
    assert er7(from_eip(found)) == "P1&LAB^F1&CSV&2.16.840.1.5&ISO"


def test_an_hd_is_the_two_identifiers_of_an_organization() -> None:
    assert hd_identifiers(rep("CDC Atlanta^11D0668319^CLIA")) == [
        {"value": "CDC Atlanta"},
        {
            "type": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v2-0301", "code": "CLIA"}]},
            "value": "11D0668319",
        },
    ]
    iso = hd_identifiers(rep("^2.16.840.1^ISO")) or []
    assert iso[0]["system"] == "urn:ietf:rfc:3986"


def test_a_driving_licence_expires() -> None:
    assert dln(rep("D123^IL^20300101")) == {
        "type": {"coding": [{"system": V2_0203, "code": "DL"}]},
        "system": "urn:id:IL",
        "value": "D123",
        "period": {"end": "2030-01-01"},
    }


def test_a_doctor_has_an_identifier_and_a_name() -> None:
    field = "1234567893^Strange^Stephen^V^^DR^MD^^NPI&2.16.840.1.113883.4.6&ISO^L^^^NPI"
    assert xcn(rep(field)) == {
        "identifier": [
            {
                "type": {"coding": [{"system": V2_0203, "code": "NPI"}]},
                "system": "urn:oid:2.16.840.1.113883.4.6",
                "value": "1234567893",
                "assigner": {"display": "NPI"},
            }
        ],
        "name": [{"use": "official", "family": "Strange", "given": ["Stephen", "V"], "prefix": ["DR"], "suffix": ["MD"]}],
    }
    assert (xcn_reference(rep(field)) or {})["display"] == "DR Stephen V Strange MD"


def test_an_organizations_identifier_is_component_10_before_3() -> None:
    assert (xon_identifier(rep("Lab^D^123^^^CLIA&2.16.840.1.113883.4.7&ISO^XX^^^11D1111111")) or {})["value"] == "11D1111111"
    assert xon(rep("Lab^D^123^^^CLIA^XX")) == {
        "identifier": [{"type": {"coding": [{"system": V2_0203, "code": "XX"}]}, "system": "urn:id:CLIA", "value": "123"}],
        "name": "Lab",
    }
