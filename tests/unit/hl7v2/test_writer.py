"""New messages: header and set ids filled in, groups flattened, nothing injected, and strictly conformant."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from adapters.hl7v2.conformance import check
from adapters.hl7v2.format import Hl7v2
from adapters.hl7v2.structure import Group
from adapters.hl7v2.writer import write
from engine.fault import Fault

AT = datetime(2024, 1, 2, 3, 4, 5, tzinfo=UTC)
RESULT: list[tuple[str, Any]] = [
    ("MSH", {3: "ISTHMUS", 4: "HERE", 5: "EHR"}),
    (
        "PATIENT_RESULT",
        [
            ("PATIENT", [("PID", {3: [["123", "", "", ["HOSP", "1.2.3", "ISO"], "MR"]], 5: [["Doe|x", "John"]]})]),
            (
                "ORDER_OBSERVATION",
                [
                    ("OBR", {4: [["CMP", "Panel", "L"]], 7: "20240102"}),
                    (
                        "OBSERVATION",
                        [
                            ("OBX", {2: "NM", 3: [["2345-7", "Glucose", "LN"]], 5: "7.10", 11: "F"}),
                            ("NTE", {3: "a"}),
                            ("NTE", {3: "b"}),
                        ],
                    ),
                    ("OBSERVATION", [("OBX", {2: "ST", 3: [["X", "Y", "L"]], 5: "low & dry", 11: "F"})]),
                ],
            ),
            (
                "ORDER_OBSERVATION",
                [("OBR", {4: [["HB", "Hb", "L"]]}), ("OBSERVATION", [("OBX", {2: "NM", 3: [["A", "B", "L"]], 5: "1", 11: "F"})])],
            ),
        ],
    ),
]


def test_a_message_is_written_from_groups_with_header_and_set_ids() -> None:
    body = write(RESULT, structure="ORU_R01", at=AT, control_id="C1")
    assert isinstance(body, bytes)
    assert body.split(b"\r")[:-1] == [
        b"MSH|^~\\&|ISTHMUS|HERE|EHR||20240102030405+0000||ORU^R01^ORU_R01|C1|P|2.5.1",
        b"PID|1||123^^^HOSP&1.2.3&ISO^MR||Doe\\F\\x^John",
        b"OBR|1|||CMP^Panel^L|||20240102",
        b"OBX|1|NM|2345-7^Glucose^LN||7.10||||||F",
        b"NTE|1||a",
        b"NTE|2||b",
        b"OBX|2|ST|X^Y^L||low \\T\\ dry||||||F",
        b"OBR|2|||HB^Hb^L",
        b"OBX|1|NM|A^B^L||1||||||F",
    ]


def test_what_is_written_keeps_to_the_standard_and_reads_back() -> None:
    body = Hl7v2().render(RESULT, "ORU_R01", AT, "C1")
    assert isinstance(body, bytes)
    assert check(body) == []
    assert Hl7v2().strict(body) == []
    scope = Hl7v2().parse(body)
    assert isinstance(scope, Group)
    assert [len(order.each("OBSERVATION")) for order in scope.each("ORDER_OBSERVATION")] == [2, 1]


def test_the_items_win_over_what_is_filled_in() -> None:
    body = write(
        [("MSH", {10: "own", 11: "T"}), ("EVN", {2: "2024"})],
        structure="ADT_A01",
        event="A08",
        at=AT,
        control_id="C1",
        version="2.4",
    )
    assert isinstance(body, bytes)
    assert body.startswith(b"MSH|^~\\&|||||20240102030405+0000||ADT^A08^ADT_A01|own|T|2.4\r")


def test_what_the_standard_does_not_have_is_refused() -> None:
    for items, structure, code in (
        ([("QQQ", {1: "x"})], "ORU_R01", "E131"),
        ([], "ORU_R99", "E134"),
        ([("PID\r", {})], "ORU_R01", "E131"),
    ):
        found = write(items, structure=structure, at=AT, control_id="1")  # type: ignore[arg-type]
        assert isinstance(found, Fault)
        assert found.code == code
    assert isinstance(write([("ZZZ", {1: "x"})], structure="ORU_R01", at=AT, control_id="1"), bytes)
