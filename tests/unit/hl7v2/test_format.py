"""Paths as mappings use them: where they look, what they give, and what the checker says of wrong ones."""

from __future__ import annotations

import pytest

from adapters.hl7v2.format import Hl7v2
from adapters.hl7v2.path import Hl7Path
from adapters.hl7v2.segment import Rep
from adapters.hl7v2.structure import Group
from engine.fault import Fault
from engine.types import Envelope
from tests.unit.hl7v2.messages import MSH, ORU, lines

HL7 = Hl7v2()


def path(text: str, group: str = "", structure: str = "ORU_R01") -> Hl7Path:
    found = HL7.path(text, structure, group)
    assert isinstance(found, Hl7Path), found
    return found


def message(raw: bytes = ORU) -> Group:
    found = HL7.parse(raw)
    assert isinstance(found, Group)
    return found


def read(text: str, scope: Group, group: str = "") -> str | None:
    value = path(text, group).first(scope)
    return value.text if isinstance(value, Rep) else value


def test_a_path_reads_its_own_group_the_enclosing_order_and_the_patient() -> None:
    first, second, third = message().each("OBSERVATION")
    assert [read("OBX-5", scope) for scope in (first, second, third)] == ["7.10", "4.1", "high & dry"]
    assert [read("OBR-2", scope) for scope in (first, third)] == ["P1", "P2"]
    assert [read("PID-3.1", scope) for scope in (first, third)] == ["123", "123"]
    assert [read("PV1-3.2", first), read("MSH-10", first), read("ORC-3", first), read("SPM-4.1", third)] == [
        "101",
        "M1",
        "F1",
        "BLD",
    ]


def test_a_note_is_not_borrowed_from_the_order() -> None:
    first, second, _ = message().each("OBSERVATION")
    assert read("NTE-3", first) == "about glucose"
    assert read("NTE-3", second) is None
    assert read("NTE-3", message().each("ORDER_OBSERVATION")[0]) == "about the order"


def test_the_specimen_of_another_order_is_not_borrowed() -> None:
    assert read("SPM-4.1", message().each("OBSERVATION")[0]) is None


def test_a_whole_field_gives_its_components_and_a_component_gives_text() -> None:
    scope = message().each("OBSERVATION")[0]
    code = path("OBX-3").first(scope)
    assert isinstance(code, Rep)
    assert (code[1], code[2], code[3], code[4], len(code), code.type) == ("2345-7", "Glucose", "LN", "", 3, "CWE")
    assert path("OBX-3.2").first(scope) == "Glucose"
    assert path("OBX-6.3").first(scope) == "UCUM"
    assert path("OBX-6.2").first(scope) is None
    assert path("PID-3.4.2").first(scope) == "1.2.3"
    assert path("PID-3.4").first(scope) == "HOSP"


def test_an_ampersand_in_text_is_text_and_in_a_composite_a_delimiter() -> None:
    raw = lines(MSH, "PID|1||1^^^A&B&C", "OBR|1", "OBX|1|CWE|1^salt & pepper^L||x^this & that|||||||F")
    scope = message(raw).each("OBSERVATION")[0]
    assert path("OBX-3.2").first(scope) == "salt & pepper"
    assert path("OBX-5.2").first(scope) == "this & that"
    assert path("PID-3.4").first(scope) == "A"


def test_all_gives_every_repetition_of_every_such_segment() -> None:
    scope = message()
    assert [rep[1] for rep in path("PID-3").all(scope) if isinstance(rep, Rep)] == ["123", "999"]
    assert path("PID-3.5").all(scope) == ["MR", "SS"]
    assert path("OBX-3.1").all(scope) == ["2345-7", "2823-3", "718-7"]
    assert path("OBX-3.1").all(scope.each("ORDER_OBSERVATION")[1]) == ["718-7"]
    assert path("AL1-3").all(scope) == []


def test_a_repetition_and_a_segment_can_be_named() -> None:
    scope = message()
    assert path("PID-3[2].1").first(scope) == "999"
    assert path("PID-3[3].1").first(scope) is None
    assert path("PID-5[2]").first(scope) is None
    assert path("OBX[3]-3.1").first(scope) == "718-7"
    assert path("OBX[4]-3.1").first(scope) is None
    assert path("OBX[2]-3.1").all(scope) == ["2823-3"]


def test_empty_and_null_are_not_values_and_are_told_apart() -> None:
    scope = message(lines(MSH, 'PID|1||""~7||""|^""'))
    assert read("PID-3.1", scope) == "7"
    assert (path("PID-5").first(scope), path("PID-5").null(scope)) == (None, True)
    assert (path("PID-4").first(scope), path("PID-4").null(scope)) == (None, False)
    assert (path("PID-6.2").first(scope), path("PID-6.2").null(scope)) == (None, True)
    assert path("PID-5").all(scope) == []
    assert path("PV1-2").null(scope) is False


def test_where_names_the_real_place_and_its_bytes() -> None:
    third = message().each("OBSERVATION")[2]
    place, start, end = path("OBX-5").where(third)
    assert (place, ORU[start:end]) == ("OBX[3]-5", b"high & dry")
    place, start, end = path("PID-3[2].4").where(third)
    assert (place, ORU[start:end]) == ("PID[1]-3[2].4", b"SSA")
    assert path("OBX-6").where(third) == ("OBX-6", 0, 0)


def test_a_local_segment_is_read_where_it_stands_and_not_from_a_neighbour() -> None:
    first, second, _ = message().each("OBSERVATION")
    assert read("ZLB-2", second) == "local"
    assert read("ZLB-2", first) is None
    assert read("ZLB-2", message()) == "local"


def test_a_misplaced_segment_is_found_though_the_structure_has_it_elsewhere() -> None:
    scope = message(lines(MSH, "PID|1", "OBR|1", "PV2||4", "OBX|1"))
    assert read("PV2-2", scope) == "4"
    assert read("PV2-2", scope.each("OBSERVATION")[0]) == "4"


@pytest.mark.parametrize(
    ("text", "group", "type", "repeats"),
    [
        ("OBX-3", "OBSERVATION", "CWE", False),
        ("OBX-3", "", "CWE", True),
        ("OBX-5", "OBSERVATION", "varies", True),
        ("OBX-14", "OBSERVATION", "DTM", False),
        ("OBX-14.1", "OBSERVATION", "DTM", False),
        ("PID-3", "OBSERVATION", "CX", True),
        ("PID-3[1]", "OBSERVATION", "CX", False),
        ("PID-3.4", "", "HD", True),
        ("PID-3.4.2", "", "ST", True),
        ("PID-5", "", "XPN", True),
        ("PID-19", "", "ST", True),
        ("OBR-7", "OBSERVATION", "DTM", False),
        ("MSH-9.2", "", "ID", False),
        ("NTE-3", "OBSERVATION", "FT", True),
        ("ZPI-3.2", "", "", True),
    ],
)
def test_a_path_knows_its_type_and_whether_it_repeats(text: str, group: str, type: str, repeats: bool) -> None:
    found = path(text, group)
    expected = repeats or (group == "" and text.startswith("PID"))  # PATIENT_RESULT repeats, so does what is in it
    assert (found.type, found.repeats) == (type, expected)


@pytest.mark.parametrize(
    ("text", "structure", "group", "code", "help"),
    [
        ("OBX3", "ORU_R01", "", "E130", "A path is like"),
        ("OBX-0", "ORU_R01", "", "E130", "count from 1"),
        ("OBX-3.0", "ORU_R01", "", "E130", "count from 1"),
        ("OBV-3", "ORU_R01", "", "E131", "Did you mean"),
        ("OBX-99", "ORU_R01", "", "E132", "OBX has"),
        ("PID-8.7.3.1", "ORU_R01", "", "E130", ""),
        ("OBX-3.99", "ORU_R01", "OBSERVATION", "E133", "CWE has"),
        ("OBX-1.2", "ORU_R01", "OBSERVATION", "E133", "no components"),
        ("OBX-3", "ORU_RO1", "", "E134", "Did you mean ORU_R01?"),
        ("OBX-3", "ORU_R01", "OBSERVATIONS", "E135", "Did you mean OBSERVATION?"),
    ],
)
def test_a_wrong_path_is_told_with_help(text: str, structure: str, group: str, code: str, help: str) -> None:
    found = HL7.path(text, structure, group)
    assert isinstance(found, Fault)
    assert found.code == code
    assert help in found.help


def test_the_envelope_is_read_from_the_header_and_the_patient_number() -> None:
    assert HL7.envelope(ORU) == Envelope("ORU^R01", "LAB|HOSP", "M1", "123")
    assert HL7.envelope(lines(MSH)) == Envelope("ORU^R01", "LAB|HOSP", "M1", "")
    assert isinstance(HL7.envelope(b"nonsense"), Fault)


def test_a_nul_in_the_header_does_not_reach_the_envelope() -> None:
    found = HL7.envelope(lines(MSH.replace("|M1|", "|M\x001|")))
    assert isinstance(found, Envelope)
    assert found.control_id == "M1"


def test_each_takes_a_segment_and_reads_it_and_what_encloses_it() -> None:
    scope = message(lines(MSH, "PID|1||7", "OBR|1", "NTE|1||one", "NTE|2||two", "OBX|1|ST|A||x", "NTE|1||three"))
    notes = scope.each("ORDER_OBSERVATION")[0].each("NTE")
    assert [read("NTE-3", note, "ORDER_OBSERVATION/NTE") for note in notes] == ["one", "two"]
    assert [read("PID-3.1", note, "ORDER_OBSERVATION/NTE") for note in notes] == ["7", "7"]
    assert [read("OBR-1", note) for note in notes] == ["1", "1"]
    assert notes[0].parent is scope.each("ORDER_OBSERVATION")[0]
    assert scope.each("ORDER_OBSERVATION")[0].each("NTE")[1] is notes[1]
    assert [read("OBX-5", one) for one in message().each("OBX")] == ["7.10", "4.1", "high & dry"]
    assert [one.parent for one in message().each("OBX")] != []
    assert path("NTE-2", "ORDER_OBSERVATION/NTE").repeats is False


def test_each_takes_a_field_and_reads_one_repetition() -> None:
    scope = message()
    both = scope.each("PID-3")
    assert [read("PID-3.1", one) for one in both] == ["123", "999"]
    assert [read("PID-5.1", one) for one in both] == ["Doe", "Doe"]
    assert [path("PID-3.5").all(one) for one in both] == [["MR"], ["SS"]]
    place, start, end = path("PID-3.1").where(both[1])
    assert (place, ORU[start:end]) == ("PID[1]-3[2].1", b"999")
    place, start, end = path("PID-5.2").where(both[1])
    assert (place, ORU[start:end]) == ("PID[1]-5.2", b"John")
    assert path("PID-3", "PID-3").repeats is False
    assert scope.each("PID-3")[0] is both[0]
    assert scope.each("PID-6") == []


def test_the_checker_knows_what_can_be_looped_over() -> None:
    for name in ("OBSERVATION", "NTE", "PID-3", "ZPI", "ZPI-2"):
        assert HL7.group(name, "ORU_R01", "") is None
    assert HL7.group("OBSERVATION", "ORU_R01", "ORDER_OBSERVATION") is None
    for name, group in (("OBSERVATIONS", ""), ("ORDER_OBSERVATION", "OBSERVATION"), ("NTX", ""), ("PID-99", ""), ("PID-x", "")):
        found = HL7.group(name, "ORU_R01", group)
        assert isinstance(found, Fault)
        assert found.code == "E135"


def test_an_observation_value_is_typed_by_another_field() -> None:
    assert path("OBX-5", "OBSERVATION").typed_by == "OBX-2"
    assert path("OBX-5.2", "OBSERVATION").typed_by == ""
    assert path("OBX-3", "OBSERVATION").typed_by == ""
    value = path("OBX-5").first(message().each("OBSERVATION")[0])
    assert isinstance(value, Rep)
    assert value.type == "NM"


def test_a_repetition_knows_the_zone_and_the_facility_of_its_message() -> None:
    raw = lines(r"MSH|^~\&|LAB|^1.2.3^ISO|||20240102030405-0400||ORU^R01|M1|P|2.5.1", "PID|1||7")
    found = path("PID-3").first(message(raw))
    assert isinstance(found, Rep)
    assert (found.zone, found.facility) == ("-0400", "1.2.3")
    found = path("PID-3").first(message())
    assert isinstance(found, Rep)
    assert (found.zone, found.facility) == ("", "HOSP")


def test_patient_observations_do_not_hide_results_in_newer_messages() -> None:
    raw = lines(MSH.replace("2.5.1", "2.8"), "PID|1", "OBX|1|ST|P||own", "OBR|1", "OBX|1|ST|A||result")
    assert read("OBX-5", message(raw)) == "result"
    assert read("OBX-5", message(raw).each("PATIENT_OBSERVATION")[0]) == "own"
