"""Records of one person that become one: who stays, who is replaced, and what is held rather than done to the wrong patient.

Sources: HL7 v2.3 to v2.8, 3.3.18, 3.3.34, 3.3.36, 3.3.40, 3.3.47 (PID holds who stays, MRG who is merged); FHIR R4, Patient.link.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from engine.mapping.installed import installed
from engine.mapping.library import Library, choose, load_folder
from engine.types import Envelope
from tests.unit.mapping.test_shipped_results import HL7, message, resources

STAYS = "PID|1||100^^^HOSP^MR||Doe^Jane||19700101|F"
GOES = "MRG|200^^^HOSP^MR||||||Doe^J."
MERGES = [
    ("ADT^A40", "2.4"), ("ADT^A40^ADT_A39", "2.5.1"), ("ADT^A34", "2.3"), ("ADT^A34^ADT_A30", "2.5.1"), ("ADT^A36", "2.3"),
    ("ADT^A18", "2.3"), ("ADT^A47^ADT_A30", "2.5.1"), ("ADT^A40^ADT_A01", "2.3"), ("ADT", "2.2"),
]  # fmt: skip


@pytest.fixture(scope="module")
def library(root: Path) -> Library:
    return load_folder(root / "mappings", installed())


def refused(library: Library, body: bytes) -> set[str]:
    """The codes of the faults a message is held for."""
    told = HL7.envelope(body)
    assert isinstance(told, Envelope)
    mapping = choose(library, "hl7v2", told.type)
    assert mapping is not None
    made = mapping.run(HL7.parse(body))  # type: ignore[arg-type]
    assert isinstance(made, tuple), made
    return {fault.code for fault in made}


def by_number(patients: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {one["identifier"][0]["value"]: one for one in patients}


@pytest.mark.parametrize(("type", "version"), MERGES)
def test_one_stays_and_the_other_is_replaced(library: Library, type: str, version: str) -> None:
    patients = by_number(resources(library, message("EVN|A18|20260131", STAYS, GOES, type=type, version=version), "Patient"))
    stays, goes = patients["100"], patients["200"]
    assert (stays["active"], goes["active"]) == (True, False)
    assert stays["link"] == [{"other": {"reference": f"Patient/{goes['id']}"}, "type": "replaces"}]
    assert goes["link"] == [{"other": {"reference": f"Patient/{stays['id']}"}, "type": "replaced-by"}]


@pytest.mark.parametrize("type", ["ADT^A40^ADT_A39", "ADT^A34", "ADT^A18", "ADT^A40^ADT_A01", "ADT"])
def test_each_of_several_merges_keeps_to_its_own_two(library: Library, type: str) -> None:
    pairs = ["PID|1||1^^^HOSP^MR", "MRG|2^^^HOSP^MR", "PID|2||3^^^HOSP^MR", "MRG|4^^^HOSP^MR"]
    patients = by_number(resources(library, message("EVN|A18|20260131", *pairs, type=type), "Patient"))
    for stays, goes in (("1", "2"), ("3", "4")):
        assert patients[stays]["link"][0]["other"]["reference"] == f"Patient/{patients[goes]['id']}"
        assert patients[goes]["link"][0]["other"]["reference"] == f"Patient/{patients[stays]['id']}"


@pytest.mark.parametrize("type", ["ADT^A40^ADT_A39", "ADT^A34"])
def test_one_who_stays_for_two_keeps_both_links(library: Library, type: str) -> None:
    pairs = [STAYS, GOES, STAYS, "MRG|300^^^HOSP^MR"]
    patients = by_number(resources(library, message("EVN|A18|20260131", *pairs, type=type), "Patient"))
    others = [link["other"]["reference"] for link in patients["100"]["link"]]
    assert others == [f"Patient/{patients[number]['id']}" for number in ("200", "300")]
    assert [patients[number]["active"] for number in ("100", "200", "300")] == [True, False, False]


def test_a_person_named_twice_keeps_the_fuller_name(library: Library) -> None:
    visit = "|".join(["PV1", "1", "I", *[""] * 4, "1^Okafor^Ngozi^^^DR", "", "1^Okafor^Ngozi"])
    made, *rest = resources(library, message("EVN||20260131", STAYS, visit, type="ADT^A01"), "Practitioner")
    assert rest == []
    assert made["name"] == [{"family": "Okafor", "given": ["Ngozi"], "prefix": ["DR"]}]


@pytest.mark.parametrize(
    "segments",
    [
        (STAYS, "MRG|100^^^HOSP^MR"),
        (STAYS, "MRG|100^^^HOSP"),
        ("PID|1||9^^^SSA^SS~100^^^HOSP^MR", "MRG|100^^^HOSP^MR"),
        (STAYS, GOES, "MRG|300^^^HOSP^MR"),
        (STAYS, "MRG|200"),
        (STAYS,),
    ],
    ids=["itself", "itself without a type", "itself beside another number", "two at once", "nobody's number", "nobody"],
)
@pytest.mark.parametrize("type", ["ADT^A40^ADT_A39", "ADT^A34"])
def test_what_does_not_say_plainly_who_is_merged_is_held(library: Library, type: str, segments: tuple[str, ...]) -> None:
    assert refused(library, message("EVN||20260131", *segments, type=type)) == {"E406"}


def test_merges_that_do_not_stand_in_pairs_are_held(library: Library) -> None:
    assert refused(library, message("EVN||20260131", STAYS, "PID|2||3^^^HOSP^MR", GOES, "MRG|4^^^HOSP^MR", type="ADT^A40")) == {
        "E406"
    }


@pytest.mark.parametrize(
    "event", ["A23", "A29", "A30", "A35", "A37", "A39", "A41", "A42", "A43", "A44", "A45", "A46", "A48", "A49", "A50", "A51"]
)
def test_what_moves_or_deletes_stored_data_has_no_mapping(library: Library, event: str) -> None:
    assert choose(library, "hl7v2", f"ADT^{event}") is None
