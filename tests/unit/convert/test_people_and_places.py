"""Names, addresses, telephones, places. Expected values: guide maps XPN[HumanName], XAD[Address], XTN[ContactPoint], PL[Location]."""

from __future__ import annotations

import pytest

from engine.fault import Fault
from fhir.convert.people import ndl_identifier, ndl_name, xpn
from fhir.convert.places import from_xad, pl_name, pl_parts, xad
from fhir.convert.telecoms import from_xtn, xtn

from .fields import er7, rep


def test_a_name_has_its_parts_in_the_guides_places() -> None:
    assert xpn(rep("BEETHOVEN&VAN^LUDWIG^B^2ND^DR^MD^L^^^^^20220501^20230501^FACS")) == {
        "use": "official",
        "family": "BEETHOVEN",
        "given": ["LUDWIG", "B"],
        "prefix": ["DR"],
        "suffix": ["2ND", "MD", "FACS"],
        "period": {"start": "2022-05-01", "end": "2023-05-01"},
    }


@pytest.mark.parametrize(
    ("code", "use"),
    [
        ("L", "official"),
        ("D", "usual"),
        ("M", "maiden"),
        ("N", "nickname"),
        ("MSK", "anonymous"),
        ("BAD", "old"),
        ("TEMP", "temp"),
        ("B", None),
    ],
)
def test_a_name_type_is_a_use_where_the_guide_maps_it(code: str, use: str | None) -> None:
    found = xpn(rep(f"Doe^Jo^^^^^{code}"))
    assert isinstance(found, dict) and found.get("use") == use


def test_the_old_validity_range_counts_where_the_dates_are_not_valued() -> None:
    found = xpn(rep("Doe^Jo^^^^^L^^^20220501&20230501"))
    assert isinstance(found, dict) and found["period"] == {"start": "2022-05-01", "end": "2023-05-01"}


def test_a_name_of_nothing_but_a_use_is_none() -> None:
    assert xpn(rep("^^^^^^L")) is None


def test_an_address_has_its_lines_in_order_and_the_county() -> None:
    assert xad(rep("4861&20TH AVE&1^Other^THUNDER MOUNTAIN^IG^99999^USA^B^^County^6059^^^20220501^^^^^^Adressee")) == {
        "extension": [{"url": "http://hl7.org/fhir/StructureDefinition/iso21090-ADXP-censusTract", "valueString": "6059"}],
        "use": "work",
        "line": ["4861", "20TH AVE", "1", "Other", "Adressee"],
        "city": "THUNDER MOUNTAIN",
        "district": "County",
        "state": "IG",
        "postalCode": "99999",
        "country": "USA",
        "period": {"start": "2022-05-01"},
    }


@pytest.mark.parametrize(
    ("code", "part"),
    [
        ("H", {"use": "home"}),
        ("BA", {"use": "old"}),
        ("BI", {"use": "billing"}),
        ("C", {"use": "temp"}),
        ("O", {"use": "work"}),
        ("M", {"type": "postal"}),
        ("SH", {"type": "postal"}),
        ("P", {}),
    ],
)
def test_an_address_type_is_a_use_or_a_type(code: str, part: dict[str, str]) -> None:
    found = xad(rep(f"^^Oslo^^^^{code}"))
    assert found == {**part, "city": "Oslo"}


@pytest.mark.parametrize("lines", [["a"], ["a", "b"], ["a", "b", "c"], ["a", "b", "c", "d"]])
def test_address_lines_go_back_in_their_order(lines: list[str]) -> None:
    there = from_xad({"line": lines, "city": "Oslo"})
    assert not isinstance(there, Fault)
    assert xad(rep(er7(there))) == {"line": lines, "city": "Oslo"}


@pytest.mark.parametrize(
    ("field", "point"),
    [
        ("^PRN^PH^^1^260^7595016", {"system": "phone", "value": "+1 260 7595016", "use": "home"}),
        ("^WPN^PH^^^260^7595016^12", {"system": "phone", "value": "260 7595016 X12", "use": "work"}),
        ("^PRN^BP^^1^260^7595016^^^^^+1 260 759 5016", {"system": "pager", "value": "+1 260 759 5016", "use": "home"}),
        ("^PRN^CP^^^555^1234567", {"system": "phone", "value": "555 1234567", "use": "home"}),
        ("^^CP^^^555^1234567", {"system": "phone", "value": "555 1234567", "use": "mobile"}),
        ("^NET^Internet^otto@example.com", {"system": "email", "value": "otto@example.com"}),
        ("^NET^^otto@example.com", {"system": "email", "value": "otto@example.com"}),
        ("(206)555-0100", {"system": "phone", "value": "(206)555-0100"}),
        ("^^FX^^^^5550100", {"system": "fax", "value": "5550100"}),
        ("5550100^^PH^^^^^^^^^^^^^^^2", {"system": "phone", "value": "5550100", "rank": 2}),
    ],
)
def test_a_telephone_number_is_put_together_as_the_guide_does(field: str, point: dict[str, object]) -> None:
    assert xtn(rep(field)) == point


def test_a_telecommunication_without_a_number_is_none() -> None:
    assert xtn(rep("^PRN^PH")) is None


@pytest.mark.parametrize("rank", ["first", "0", "-1", "1.5"])
def test_a_rank_that_is_no_positive_number_is_left_out(rank: str) -> None:
    assert xtn(rep("5550100" + "^" * 17 + rank)) == {"system": "phone", "value": "5550100"}


def test_a_validity_nobody_can_read_does_not_cost_the_address() -> None:
    assert xad(rep("^^Oslo" + "^" * 10 + "sometime^20300101")) == {"city": "Oslo", "period": {"end": "2030-01-01"}}


def test_a_contact_point_goes_back_where_old_and_new_receivers_look() -> None:
    there = from_xtn({"system": "phone", "value": "260 7595016", "use": "home"})
    assert not isinstance(there, Fault) and er7(there) == "260 7595016^PRN^PH^^^^^^^^^260 7595016"


def test_the_finest_place_of_a_pl_comes_first() -> None:
    field = rep("ICU^12^B^GENERAL&2.4.4.4&ISO^^^North^3")
    assert [kind for kind, _ in pl_parts(field)] == ["bd", "ro", "lvl", "", "bu", "si"]
    assert pl_name(field) == "GENERAL North 3 ICU 12 B"


def test_an_ndl_has_a_name_and_an_identifier_in_its_first_component() -> None:
    field = rep("123&DOE&JAMISON&S&ESQ&DR&MD&&Authority&2.1.4.1&ISO^20230401")
    assert ndl_name(field) == {"family": "DOE", "given": ["JAMISON", "S"], "prefix": ["DR"], "suffix": ["ESQ", "MD"]}
    assert ndl_identifier(field) == {"system": "urn:oid:2.1.4.1", "value": "123", "assigner": {"display": "Authority"}}
