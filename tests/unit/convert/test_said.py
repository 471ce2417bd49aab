"""Composite results in words, and the way back of what has no round trip of its own."""

from __future__ import annotations

import base64

from fhir.convert import CONVERTERS, converter
from fhir.convert.places import district
from fhir.convert.said import address, amount, doctor, name, number, telecom

from .fields import er7, rep


def test_names_addresses_and_numbers_are_said_as_people_write_them() -> None:
    assert name(rep("Lindqvist^Astrid^M^^Dr^PhD")) == "Dr Astrid M Lindqvist PhD"
    assert doctor(rep("17^Okafor^Ngozi^^^DR")) == "DR Ngozi Okafor"
    assert doctor(rep("17")) == "17"
    assert address(rep("12 Harbour Lane^Apt 4^Northport^MA^02111^USA")) == "12 Harbour Lane, Apt 4, Northport, MA, 02111, USA"
    assert telecom(rep("^PRN^PH^^1^617^5550148")) == "+1 617 5550148"
    assert number(rep("4711^^^HOSP^MR")) == "4711 (HOSP)"
    assert amount(rep("33.33&MXN")) == "33.33 MXN"


def test_what_says_nothing_is_nothing() -> None:
    for say in (name, doctor, address, telecom, number, amount):
        assert say(rep("")) is None


def test_a_county_alone_is_an_address_of_its_district() -> None:
    assert district("OTTER TAIL") == {"district": "OTTER TAIL"}


def test_a_text_is_packed_for_an_attachment_and_unpacked_again() -> None:
    both = converter("ST", "base64Binary")
    assert both is not None and both.to_v2 is not None
    there = both.to_fhir(rep("Größe"))
    assert base64.b64decode(there).decode() == "Größe"
    assert er7(both.to_v2(there)) == "Größe"


def test_the_language_is_given_the_way_there_and_the_way_back() -> None:
    there, back = CONVERTERS.converter("CX", "Identifier"), CONVERTERS.converter("Identifier", "CX")
    assert there is not None and back is not None
    assert er7(back(there(rep("4711^^^HOSP^MR")))) == "4711^^^HOSP^MR"
    assert CONVERTERS.converter("CX", "HumanName") is None


def test_a_numeric_type_asked_for_a_code_gives_its_comparator() -> None:
    compare = CONVERTERS.converter("NM", "code")
    assert compare is not None
    assert (compare("<5"), compare("5")) == ("<", None)
