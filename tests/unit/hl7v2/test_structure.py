"""Segments in their groups, and what becomes of those that do not fit. Group names and structures: HL7 v2.5.1 to v2.8.2."""

from __future__ import annotations

import pytest

from adapters.hl7v2 import er7
from adapters.hl7v2.er7 import Er7
from adapters.hl7v2.format import Hl7v2
from adapters.hl7v2.path import Hl7Path
from adapters.hl7v2.structure import Group, root, structure_of
from tests.unit.hl7v2.messages import MSH, ORU, lines


def tree(raw: bytes) -> Group:
    message = er7.parse(raw)
    assert isinstance(message, Er7)
    return root(message)


def outline(group: Group) -> str:
    return " ".join(f"{item.name}({outline(item)})" if isinstance(item, Group) else item.name for item in group.order)


def seen(text: str, structure: str, group: str) -> Hl7Path:
    found = Hl7v2().path(text, structure, group)
    assert isinstance(found, Hl7Path)
    return found


def header(kind: str, version: str = "2.5.1") -> str:
    return rf"MSH|^~\&|A|B|C|D|20240101||{kind}|1|P|{version}"


def test_results_stand_in_their_orders() -> None:
    assert outline(tree(ORU)) == (
        "MSH PATIENT_RESULT(PATIENT(PID VISIT(PV1)) "
        "ORDER_OBSERVATION(COMMON_ORDER(ORC) OBR NTE OBSERVATION(OBX NTE) OBSERVATION(OBX ZLB)) "
        "ORDER_OBSERVATION(OBR OBSERVATION(OBX) SPECIMEN(SPM)))"
    )


def test_each_finds_groups_however_deep_and_in_order() -> None:
    message = tree(ORU)
    assert [group.segments("OBX")[0].value(3) for group in message.each("OBSERVATION")] == ["2345-7", "2823-3", "718-7"]
    assert [len(order.each("OBSERVATION")) for order in message.each("ORDER_OBSERVATION")] == [2, 1]
    assert message.each("PROCEDURE") == []


def test_a_segment_is_the_groups_own_or_the_nearest_enclosing_ones() -> None:
    second = tree(ORU).each("OBSERVATION")[2]
    own, order = second.segment("OBX"), second.segment("OBR")
    assert own is not None and order is not None
    assert (own.value(1), order.value(2)) == ("1", "P2")
    assert second.segment("ZZZ") is None


@pytest.mark.parametrize(
    ("segments", "expected"),
    [
        ("PID OBX OBX", "MSH PATIENT_RESULT(PATIENT(PID) ORDER_OBSERVATION(OBSERVATION(OBX) OBSERVATION(OBX)))"),
        ("OBR OBX", "MSH PATIENT_RESULT(ORDER_OBSERVATION(OBR OBSERVATION(OBX)))"),
        ("PID PV1 NK1 OBR OBX", "MSH PATIENT_RESULT(PATIENT(PID VISIT(PV1) NK1) ORDER_OBSERVATION(OBR OBSERVATION(OBX)))"),
        ("PID PV1 NTE OBR", "MSH PATIENT_RESULT(PATIENT(PID VISIT(PV1) NTE) ORDER_OBSERVATION(OBR))"),
        (
            "PID OBR OBX PID OBR OBX",
            "MSH " + " ".join(["PATIENT_RESULT(PATIENT(PID) ORDER_OBSERVATION(OBR OBSERVATION(OBX)))"] * 2),
        ),
        ("PID OBR PV2 OBX", "MSH PATIENT_RESULT(PATIENT(PID) ORDER_OBSERVATION(OBR PV2 OBSERVATION(OBX)))"),
    ],
)
def test_results_that_break_the_structure_keep_their_patient_and_order(segments: str, expected: str) -> None:
    assert outline(tree(lines(MSH, *(f"{name}|1" for name in segments.split())))) == expected


def test_an_unexpected_segment_is_told_and_a_local_one_is_not() -> None:
    message = tree(lines(MSH, "PID|1", "ZPI|1", "OBR|1", "PV2|1"))
    assert [(warning.code, warning.at) for warning in message.warnings] == [("E122", "PV2")]


@pytest.mark.parametrize(
    ("kind", "segments", "expected"),
    [
        (
            "ADT^A01",
            "EVN PID PV1 AL1 AL1 PR1 ROL PR1 IN1 IN2 IN1 ZZZ",
            "PROCEDURE(PR1 ROL) PROCEDURE(PR1) INSURANCE(IN1 IN2) INSURANCE(IN1 ZZZ)",
        ),
        ("ADT^A40", "EVN PID MRG PID MRG", "PATIENT(PID MRG) PATIENT(PID MRG)"),
        (
            "ORM^O01",
            "PID ORC OBR ORC OBR OBX",
            "PATIENT(PID) ORDER(ORC ORDER_DETAIL(OBR)) ORDER(ORC ORDER_DETAIL(OBR OBSERVATION(OBX)))",
        ),
        (
            "ORM^O01",
            "PID ORC OBR OBX OBR OBX",
            "ORDER(ORC ORDER_DETAIL(OBR OBSERVATION(OBX))) ORDER(ORDER_DETAIL(OBR OBSERVATION(OBX)))",
        ),
        ("OML^O21", "PID ORC OBR OBX SPM", "ORDER(ORC OBSERVATION_REQUEST(OBR OBSERVATION(OBX) SPECIMEN(SPM)))"),
        ("VXU^V04", "PID ORC RXA RXR OBX ORC RXA", "ORDER(ORC RXA RXR OBSERVATION(OBX)) ORDER(ORC RXA)"),
        ("VXU^V04", "PID RXA OBX RXA", "ORDER(RXA OBSERVATION(OBX)) ORDER(RXA)"),
        ("SIU^S14", "SCH PID PV1 RGS AIS NTE AIL", "PATIENT(PID PV1) RESOURCES(RGS SERVICE(AIS NTE) LOCATION_RESOURCE(AIL))"),
        ("MDM^T02", "EVN PID PV1 TXA OBX OBX", "TXA OBSERVATION(OBX) OBSERVATION(OBX)"),
        ("MDM^T08", "EVN PID PV1 TXA OBX", "TXA OBSERVATION(OBX)"),
        ("RDE^O11", "PID ORC RXE RXR", "ORDER(ORC RXE RXR)"),
        ("ORU", "PID OBR OBX", "ORDER_OBSERVATION(OBR OBSERVATION(OBX))"),
    ],
)
def test_other_messages_find_their_groups(kind: str, segments: str, expected: str) -> None:
    assert expected in outline(tree(lines(header(kind), *(f"{name}|1" for name in segments.split()))))


@pytest.mark.parametrize(
    ("kind", "structure"),
    [
        ("ADT^A04", "ADT_A01"),
        ("ADT^A08^ADT_A08", "ADT_A01"),
        ("ADT^A31", "ADT_A05"),
        ("ADT^A40", "ADT_A39"),
        ("ORU^R01^ORU_R01", "ORU_R01"),
        ("ORU^R40", "ORU_R01"),
        ("SIU^S15", "SIU_S12"),
        ("MDM^T04", "MDM_T02"),
        ("ACK^A01", "ACK"),
        ("XXX^Y99", ""),
        ("", ""),
    ],
)
def test_the_structure_follows_from_the_event_when_msh_9_3_is_missing_or_invented(kind: str, structure: str) -> None:
    message = er7.parse(lines(header(kind)))
    assert isinstance(message, Er7)
    assert structure_of(message)[0] == structure


def test_a_message_without_structure_keeps_its_segments() -> None:
    message = tree(lines(header("XXX^Y99"), "PID|1", "OBX|1"))
    assert outline(message) == "MSH PID OBX"
    assert [warning.code for warning in message.warnings] == ["E121"]


def test_observations_of_the_patient_have_their_own_group_from_2_7_on() -> None:
    segments = ("PID|1", "OBX|1", "OBR|1", "OBX|1")
    newer, older = (tree(lines(header("ORU^R01^ORU_R01", version), *segments)) for version in ("2.7", "2.6"))
    assert [len(group.each("PATIENT_OBSERVATION")) for group in (newer, older)] == [1, 0]
    assert [len(group.each("OBSERVATION")) for group in (newer, older)] == [1, 2]


@pytest.mark.parametrize(
    ("type", "sent", "expected"),
    [
        (
            "OML^O21",
            "PID ORC OBR DG1 OBX SPM ORC OBR DG1",
            "MSH PATIENT(PID) ORDER(ORC OBSERVATION_REQUEST(OBR DG1 OBSERVATION(OBX) SPECIMEN(SPM))) "
            "ORDER(ORC OBSERVATION_REQUEST(OBR DG1))",
        ),
        (
            "OML^O21",
            "PID ORC OBR PID ORC OBR OBX",
            "MSH PATIENT(PID) ORDER(ORC OBSERVATION_REQUEST(OBR PRIOR_RESULT(PATIENT_PRIOR(PID) "
            "ORDER_PRIOR(ORC OBR OBSERVATION_PRIOR(OBX)))))",
        ),
        ("ADT^A17", "EVN PID PV1 PID PV1", "MSH EVN PATIENT(PID PV1) PATIENT(PID PV1)"),
        ("ADT^A34", "EVN PID MRG PID PD1 MRG", "MSH EVN PATIENT(PID MRG) PATIENT(PID PD1 MRG)"),
        ("ADT^A18", "EVN PID MRG PV1", "MSH EVN PATIENT(PID MRG PV1)"),
    ],
)
def test_what_stands_behind_a_pid_is_that_patient_s(type: str, sent: str, expected: str) -> None:
    assert outline(tree(lines(header(type), *sent.split()))) == expected


PRIOR = ["PID|1||PRIOR", "PV1|1|O|OLD", "ORC|RE|OLD", "OBR|1|OLD", "OBX|1|NM|1||5"]


@pytest.mark.parametrize("prior", [[], PRIOR])
def test_what_encloses_an_order_is_its_own_and_no_prior_order_s(prior: list[str]) -> None:
    order = ["PID|1||NOW", "PV1|1|I|BED", "ORC|NW|A||||||||||X", "TQ1|1||||||||S", "OBR|1|A", "OBX|1|NM|2||6"]
    message = tree(lines(header("OML^O21^OML_O21"), *order, *prior))
    scope = message.each("OBR")[0]
    found = {text: seen(text, "OML_O21", "OBR").first(scope) for text in ("PID-3.1", "PV1-3.1", "ORC-2.1", "ORC-12.1", "TQ1-9.1")}
    assert found == {"PID-3.1": "NOW", "PV1-3.1": "BED", "ORC-2.1": "A", "ORC-12.1": "X", "TQ1-9.1": "S"}
    assert [one.segments("TQ1")[0].value(9) for one in scope.each("TQ1")] == ["S"]


def test_a_prior_order_s_own_segments_are_its_own() -> None:
    message = tree(lines(header("OML^O21^OML_O21"), "PID|1||NOW", "ORC|NW|A", "OBR|1|A", *PRIOR))
    scope = message.each("OBSERVATION_PRIOR")[0]
    found = [seen(text, "OML_O21", "OBSERVATION_PRIOR").first(scope) for text in ("ORC-2.1", "PID-3.1")]
    assert found == ["OLD", "PRIOR"]
