"""Diagnoses, allergies, procedures, insured persons and those who take part, each where the guide refers to it from.

Rows: HL7's v2-to-FHIR guide, DG1[Condition], DG1[Encounter] with DiagnosisType, ORM_O01 and OML_O21 (ServiceRequest.reasonReference),
PR1[Procedure], IN1[Coverage], ROL[Patient-GeneralPractitioner], ROL[Encounter-PractitionerRole] with ProviderRole, PRT[PractitionerRole].
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from engine.mapping.installed import installed
from engine.mapping.library import Library, load_folder
from tests.unit.mapping.test_shipped_results import message, resources

PID = "PID|1||100^^^HOSP^MR||Doe^Jane"
PV1 = "PV1|1|I|||||||||||||||||V1^^^HOSP^VN"
ROLES = "http://terminology.hl7.org/CodeSystem/diagnosis-role"


@pytest.fixture(scope="module")
def library(root: Path) -> Library:
    return load_folder(root / "mappings", installed())


def of(made: list[dict[str, Any]], type: str) -> list[dict[str, Any]]:
    return [one for one in made if one["resourceType"] == type]


def codes(made: list[dict[str, Any]]) -> dict[str, str]:
    """The conditions' codes by how they are referred to."""
    return {f"Condition/{one['id']}": one["code"]["coding"][0]["code"] for one in of(made, "Condition")}


@pytest.mark.parametrize("event", ["A01", "A03", "A04", "A08", "A31"])
def test_a_visit_has_its_diagnoses_with_their_use_and_rank(library: Library, event: str) -> None:
    dg1 = [
        "DG1|1||I10^Hypertension^I10C|||A|||||||||1",
        "DG1|2||R07.9^Chest pain^I10C|||F|||||||||0",
        "DG1|3||J11.1^Flu^I10C|||Q",
    ]
    made = resources(library, message("EVN||20260131", PID, PV1, *dg1, type=f"ADT^{event}"))
    named = codes(made)
    (visit,) = of(made, "Encounter")
    told = [(named[one["condition"]["reference"]], one["use"]["coding"][0], one.get("rank")) for one in visit["diagnosis"]]
    assert [(code, use["code"], rank) for code, use, rank in told] == [
        ("I10", "AD", 1),
        ("R07.9", "F", None),
        ("J11.1", "Q", None),
    ]
    assert [use.get("system") for _, use, _ in told][:2] == [ROLES, "http://terminology.hl7.org/CodeSystem/v2-0052"]


def test_a_diagnosis_that_is_taken_back_is_none_of_the_visit_s(library: Library) -> None:
    dg1 = ["DG1|1||I10^Hypertension^I10C|||A", "DG1|2||R07.9^Chest pain^I10C|||A|||||||||||||||D"]
    made = resources(library, message("EVN||20260131", PID, PV1, *dg1, type="ADT^A08"))
    named = codes(made)
    (visit,) = of(made, "Encounter")
    assert [named[one["condition"]["reference"]] for one in visit["diagnosis"]] == ["I10"]
    assert [one["verificationStatus"]["coding"][0]["code"] for one in of(made, "Condition")[1:]] == ["entered-in-error"]


@pytest.mark.parametrize("type", ["ORM^O01^ORM_O01", "OML^O21^OML_O21"])
def test_an_order_s_reasons_are_the_diagnoses_behind_it_and_no_other_order_s(library: Library, type: str) -> None:
    first = ["ORC|NW|P1", "OBR|1|P1||A^First^L", "DG1|1||I10^Hypertension^I10C", "DG1|2||R00.2^Palpitations^I10C"]
    second = ["ORC|NW|P2", "OBR|2|P2||B^Second^L", "DG1|1||J11.1^Flu^I10C"]
    made = resources(library, message(PID, PV1, *first, *second, "ORC|NW|P3", "OBR|3|P3||C^Third^L", type=type))
    named = codes(made)
    reasons = [[named[one["reference"]] for one in order.get("reasonReference", [])] for order in of(made, "ServiceRequest")]
    assert reasons == [["I10", "R00.2"], ["J11.1"], []]
    assert not any("diagnosis" in one for one in of(made, "Encounter"))
    assert not any("category" in one for one in of(made, "Condition"))


def test_an_order_tells_the_patient_s_allergies(library: Library) -> None:
    made = resources(
        library, message(PID, "AL1|1|DA|70618^Penicillin^RXN|SV", "ORC|NW|P1", "OBR|1|P1||A^X^L", type="OML^O21^OML_O21")
    )
    assert [(one["code"]["coding"][0]["code"], one["criticality"]) for one in of(made, "AllergyIntolerance")] == [
        ("70618", "high")
    ]


def test_a_procedure_has_who_did_it_and_why(library: Library) -> None:
    who = "7^Sleep^Sam|||9^Knife^Kim|12^Help^Hal"
    pr1 = f"PR1|1||47562^Cholecystectomy^C4||202601311000|||{who}|||K80^Gallstones^I10C"
    made = resources(library, message("EVN||20260131", PID, PV1, pr1, type="ADT^A01"))
    (procedure,) = of(made, "Procedure")
    people = {f"Practitioner/{one['id']}": one["identifier"][0]["value"] for one in of(made, "Practitioner")}
    done = [
        (people[one["actor"]["reference"]], one.get("function", {}).get("coding", [{}])[0].get("code"))
        for one in procedure["performer"]
    ]
    assert done == [("7", "88189002"), ("9", "304292004"), ("12", None)]
    assert procedure["reasonCode"][0]["coding"][0]["code"] == "K80"


def in1(number: str, name: str, relation: str, born: str) -> str:
    told = {
        1: number,
        2: f"PLAN{number}^Plan",
        3: "C1",
        4: "ACME",
        16: name,
        17: relation,
        18: born,
        19: "1 Main St^^Town",
        43: "F",
    }
    return "|".join(["IN1", *(told.get(field, "") for field in range(1, 44))])


def test_who_is_insured_for_the_patient_is_a_person_of_his_own(library: Library) -> None:
    policies = [in1("1", "Doe^John", "SPO", "19690203"), in1("2", "Doe^Jane", "SEL", ""), in1("3", "Doe^Jim", "Q", "")]
    made = resources(library, message("EVN||20260131", PID, PV1, *policies, type="ADT^A01"))
    (insured,) = of(made, "RelatedPerson")
    assert (insured["name"][0]["given"], insured["birthDate"], insured["gender"]) == (["John"], "1969-02-03", "female")
    assert (insured["relationship"][0]["coding"][0]["code"], insured["address"][0]["city"]) == ("SPS", "Town")
    (patient,) = of(made, "Patient")
    subscribers = [one.get("subscriber", {}).get("reference") for one in of(made, "Coverage")]
    assert subscribers == [f"RelatedPerson/{insured['id']}", f"Patient/{patient['id']}", None]


def people(made: list[dict[str, Any]]) -> dict[str, str]:
    """The numbers of persons by how they, or a role of theirs, are referred to."""
    found = {f"Practitioner/{one['id']}": one["identifier"][0]["value"] for one in of(made, "Practitioner")}
    roles = {f"PractitionerRole/{one['id']}": found[one["practitioner"]["reference"]] for one in of(made, "PractitionerRole")}
    return {**found, **roles}


def test_a_role_is_the_visit_s_and_the_primary_care_provider_s_the_patient_s(library: Library) -> None:
    roles = [
        "ROL|R1|AD|PP^Primary^HL70443|7^Home^Hal|20260101",
        "ROL|R2|AD|AT^Attending^HL70443|8^Ward^Wim|20260102|20260103",
        "ROL|R3|DE|CP^Consulting^HL70443|9^Gone^Gus",
        "ROL|R4|AD|PCP^Local|10^Odd^Olaf",
    ]
    made = resources(library, message("EVN||20260131", PID, roles[0], PV1, *roles[1:], type="ADT^A01"))
    named = people(made)
    (patient,), (visit,) = of(made, "Patient"), of(made, "Encounter")
    assert [named[one["reference"]] for one in patient["generalPractitioner"]] == ["7"]
    (attending,) = visit["participant"]
    assert (named[attending["individual"]["reference"]], attending["type"][0]["coding"][0]["code"]) == ("8", "ATND")
    assert attending["period"] == {"start": "2026-01-02", "end": "2026-01-03"}
    assert set(named.values()) == {"7", "8"}


OBR = "OBR|1|P1|F1|24323-8^Panel^LN"


def prt(role: str, who: str, *, action: str = "AD", organization: str = "", device: str = "") -> str:
    return f"PRT||{action}||{role}^^HL70912|{who}|||{organization}||{device}"


def test_who_took_part_stands_in_what_he_took_part_in(library: Library) -> None:
    result = [
        "OBX|1|NM|2345-7^Glucose^LN||5.4|mmol/L|||||F",
        prt("TN", "4^Tech^Tom"),
        prt("RCT", "5^Copy^Cor"),
        prt("EQUIP", "", device="D9"),
    ]
    order = [prt("PRI", "1^Read^Rob", organization="LAB^^1"), prt("OP", "2^Ask^Ann"), prt("TR", "3^Type^Ted", action="DE")]
    made = resources(library, message(PID, OBR, *order, *result, "OBX|2|NM|718-7^Hb^LN||9|g/dL|||||F"))
    named = people(made)
    (report,), (request,), (glucose, hb) = of(made, "DiagnosticReport"), of(made, "ServiceRequest"), of(made, "Observation")
    assert [named[one["reference"]] for one in report["resultsInterpreter"]] == ["1"]
    assert (named[request["requester"]["reference"]], "performer" in report) == ("2", False)
    assert [named[one["reference"]] for one in glucose["performer"]] == ["4"]
    (device,) = of(made, "Device")
    assert (glucose["device"]["reference"], device["identifier"][0]["value"]) == (f"Device/{device['id']}", "D9")
    assert not {"performer", "device"} & set(hb)
    told = {named[f"PractitionerRole/{one['id']}"]: "organization" in one for one in of(made, "PractitionerRole")}
    assert told == {"1": True, "2": False, "4": False}
