"""Keys of patients, persons and places, and the functions the mapping language has from here."""

from __future__ import annotations

import pytest

from engine.fault import Fault
from fhir.convert import functions
from fhir.convert.keys import organization, patient, person, place

from .fields import rep


class At:
    """A field of a message from a known facility."""

    def __init__(self, text: str, facility: str) -> None:
        self.inner, self.facility = rep(text), facility

    def __getitem__(self, comp: int) -> str:
        return self.inner[comp]

    def sub(self, comp: int, sub: int) -> str:
        return self.inner.sub(comp, sub)

    def __len__(self) -> int:
        return len(self.inner)


def test_a_patient_is_told_apart_by_the_number_and_who_assigned_it() -> None:
    assert patient([rep("4711^^^HOSP&1.2.3&ISO^MR")]) == "urn:oid:1.2.3|4711"
    assert patient([rep("4711^^^HOSP^MR")]) == "urn:id:HOSP|4711"


def test_the_medical_record_number_stands_for_the_patient_wherever_it_is_listed() -> None:
    mr, ss = rep("4711^^^HOSP^MR"), rep("987654320^^^SSA^SS")
    assert patient([mr, ss]) == patient([ss, mr]) == "urn:id:HOSP|4711"


def test_the_same_number_from_two_hospitals_is_two_patients() -> None:
    assert patient([At("4711", "NORTH")]) != patient([At("4711", "SOUTH")])


def test_two_numbers_of_one_kind_are_refused() -> None:
    found = patient([rep("4711^^^HOSP^MR"), rep("4712^^^HOSP^MR")])
    assert isinstance(found, Fault) and found.code == "E454"
    assert "4711" not in found.text + found.help


def test_one_number_told_twice_is_one_patient() -> None:
    assert patient([rep("4711^^^HOSP^MR"), rep("4711^^^HOSP^MR")]) == "urn:id:HOSP|4711"


def test_without_a_number_there_is_no_patient() -> None:
    assert patient([rep("^^^HOSP^MR")]) is None
    assert patient([]) is None


def test_a_doctor_is_known_by_number_and_name() -> None:
    assert person(rep("17^Doe^Jo^^^^^^NPI")) == person(rep("17^DOE^Jo^M^^^^^NPI")) == "urn:id:NPI|17|DOE^JO"


def test_a_placeholder_number_does_not_make_two_doctors_one() -> None:
    assert person(rep("0000^Doe^Jo")) != person(rep("0000^Roe^Al"))


def test_a_doctor_without_a_number_is_known_by_name_in_the_facility_only() -> None:
    assert person(At("^Doe^Jo", "NORTH")) != person(At("^Doe^Jo", "SOUTH"))
    assert person(rep("^^^M")) is None


def test_an_organization_is_known_by_its_number_and_name() -> None:
    assert organization(rep("Lab^^^^^CLIA^XX^^^11D1111111")) == "urn:id:CLIA|11D1111111|LAB"
    assert organization(At("Lab", "NORTH")) != organization(At("Lab", "SOUTH"))


def test_the_bed_and_the_ward_of_a_location_are_two_places() -> None:
    field = rep("ICU^12^B^GENERAL")
    assert place("bed")(field) != place("ward")(field)
    assert place("ward")(field) == place("ward")(rep("ICU^14^A^GENERAL"))
    assert place("ward")(field) != place("ward")(rep("ICU^12^B^ST ELSEWHERE"))


@pytest.mark.parametrize(
    ("text", "low", "high"),
    [
        ("3.5-5.10", "3.5", "5.10"),
        ("(3.5 - 5.1)", "3.5", "5.1"),
        ("-2 to 2", "-2", "2"),
        ("<5", None, "5"),
        (">=60", "60", None),
        ("negative", None, None),
        ("5-", None, None),
    ],
)
def test_a_reference_range_is_read_where_it_can_mean_one_thing(text: str, low: str | None, high: str | None) -> None:
    assert (functions.low(text), functions.high(text)) == (low, high)
