"""Messages built from values: nothing can be injected, and reading them gives the values back."""

from __future__ import annotations

from typing import Any

import pytest

from adapters.hl7v2 import er7, render
from adapters.hl7v2.er7 import Er7
from adapters.hl7v2.escape import Delimiters
from engine.fault import Fault
from tests.unit.hl7v2.messages import ORU

HEAD: tuple[str, dict[int, Any]] = ("MSH", {3: "LAB", 9: ["ORU", "R01", "ORU_R01"], 10: "M1", 11: "P", 12: "2.5.1"})


def build(*rows: tuple[str, dict[int, Any]], **options: Any) -> Er7:
    body = render.message([HEAD, *rows], **options)
    assert isinstance(body, bytes), body
    message = er7.parse(body)
    assert isinstance(message, Er7), message
    return message


def test_what_was_read_is_written_byte_for_byte() -> None:
    message = er7.parse(ORU)
    assert isinstance(message, Er7)
    assert render.original(message) == ORU


def test_a_message_is_written_from_its_values() -> None:
    body = render.message(
        [HEAD, ("PID", {1: "1", 3: [["123", "", "", ["HOSP", "1.2.3", "ISO"]], ["9"]], 5: ["Doe", "John"], 7: None})]
    )
    assert body == b'MSH|^~\\&|LAB||||||ORU^R01^ORU_R01|M1|P|2.5.1\rPID|1||123^^^HOSP&1.2.3&ISO~9||Doe^John||""\r'


@pytest.mark.parametrize("value", ["Smith|Wesson", "a\rOBX|1|NM|fake", "x~y^z&w\\", "end\x1c\r\x0bMSH|^~\\&", '""', "two\nlines"])
def test_nothing_can_be_injected_by_a_value(value: str) -> None:
    message = build(("PID", {5: [[value, value, [value, value]]]}), ("OBX", {5: value}))
    assert [segment.name for segment in message.segments] == ["MSH", "PID", "OBX"]
    pid, obx = message.segments[1:]
    assert [pid.value(5), pid.value(5, comp=2), pid.value(5, comp=3, sub=2), obx.value(5)] == [value] * 4
    assert (len(pid.fields), len(obx.fields)) == (6, 6)
    assert b"\x0b" not in message.raw


def test_text_beyond_ascii_is_declared_in_msh_18() -> None:
    message = build(("PID", {5: "Łódź"}))
    assert (message.segments[0].value(18), message.warnings) == ("UNICODE UTF-8", [])
    message = build(("PID", {5: "Müller"}), charset="8859/1")
    assert (message.segments[0].value(18), message.segments[1].raw(5)) == ("8859/1", b"M\xfcller")


def test_other_delimiters_are_used_and_declared() -> None:
    message = build(("PID", {5: ["a|b", "c$d"]}), marks=Delimiters("$", "@", "!", "\\", "*"))
    assert (message.segments[1].value(5), message.segments[1].value(5, comp=2)) == ("a|b", "c$d")


@pytest.mark.parametrize(
    ("rows", "charset", "code"),
    [
        ([("PID|", {1: "1"})], "", "E137"),
        ([("pid", {1: "1"})], "", "E137"),
        ([("PID", {0: "1"})], "", "E137"),
        ([("PID", {10**9: "1"})], "", "E137"),
        ([("PID", {5: "漢"})], "8859/1", "E136"),
        ([("PID", {5: "\ud800"})], "", "E136"),
        ([("PID", {5: "a"})], "KLINGON", "E113"),
    ],
)
def test_what_cannot_be_written_is_a_fault(rows: list[tuple[str, dict[int, Any]]], charset: str, code: str) -> None:
    found = render.message(rows, charset=charset)
    assert isinstance(found, Fault)
    assert found.code == code
