"""A whole report there and back: HL7 to FHIR to HL7 to FHIR says the same facts, and no value can forge a segment."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.hl7v2.escape import STANDARD
from adapters.hl7v2.format import Hl7v2
from adapters.hl7v2.render import message
from engine.mapping.installed import installed
from engine.mapping.library import Library, load_folder
from fhir.coverage import compare
from fhir.format import focus

ROOT = Path(__file__).resolve().parents[2]
AT = datetime(2026, 2, 3, 9, 0, tzinfo=UTC)
KEPT = ("Patient", "Encounter", "Observation", "DiagnosticReport", "Specimen")
WORDS = (
    st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Zl", "Zp")), min_size=1, max_size=20)
    .map(str.strip)
    .filter(bool)
)
NASTY = st.one_of(WORDS, st.sampled_from(["a|b", "x^y&z", "p~q", r"back\slash", r"\.br\ ", "PID|1||EVIL", "F|G\\H", '""x']))
NUMBERS = st.decimals(allow_nan=False, allow_infinity=False, min_value=-99999, max_value=99999, places=2).map(
    lambda d: format(d, "f")
)
STATUS = st.sampled_from("FPCAXI")
FLAGS = st.sampled_from(["", "H", "L", "HH", "LL", "N", "A"])


@lru_cache(maxsize=1)
def library() -> Library:
    return load_folder(ROOT / "mappings", installed())


def resources(body: bytes) -> list[dict[str, Any]]:
    made: Any = library().mappings["oru_r01"].run(Hl7v2().parse(body))
    assert isinstance(made, list), made
    return [put.body for put in made]


def back(made: list[dict[str, Any]]) -> bytes:
    (report,) = focus(made, "DiagnosticReport")
    written: Any = library().mappings["fhir_to_oru_r01"].write(report, AT, "X1")
    assert isinstance(written, bytes), written
    return written


@st.composite
def results(draw: st.DrawFn, number: int) -> dict[int, Any]:
    kind = draw(st.sampled_from(["NM", "TX", "CWE", "SN"]))
    value: Any = {
        "NM": draw(NUMBERS),
        "TX": draw(NASTY),
        "CWE": [draw(st.text("ABC123", min_size=1, max_size=6)), draw(NASTY), "99LAB"],
        "SN": [draw(st.sampled_from(["<", ">", ">="])), draw(NUMBERS)],
    }[kind]
    unit: Any = draw(st.sampled_from([["mmol/L"], ["mg/dL", "", "UCUM"], ["odd unit"]])) if kind in ("NM", "SN") else ""
    return {2: kind, 3: [f"T{number}", draw(NASTY), "99LAB"], 5: [value] if isinstance(value, str) else value, 6: unit,
            7: draw(st.one_of(st.just(""), NASTY)),
            8: draw(FLAGS), 11: draw(STATUS), 14: "20260203063000+0100"}  # fmt: skip


@st.composite
def reports(draw: st.DrawFn) -> bytes:
    rows: list[tuple[str, dict[int, Any]]] = [
        ("MSH", {3: "LAB", 4: "STMARY", 7: "20260203091500+0100", 9: ["ORU", "R01", "ORU_R01"], 10: "1", 11: "P", 12: "2.5.1", 18: "UNICODE UTF-8"}),
        ("PID", {1: "1", 3: ["4711", "", "", "STMARY", "MR"], 5: [draw(NASTY), draw(NASTY)], 7: "19620417", 8: draw(st.sampled_from("FMOU"))}),
        ("PV1", {1: "1", 2: "I", 19: ["V1", "", "", "STMARY", "VN"], 44: "20260201180500+0100"}),
        ("ORC", {1: "RE", 2: ["O1", "EHR"], 3: ["F1", "LAB"]}),
        ("OBR", {1: "1", 2: ["O1", "EHR"], 3: ["F1", "LAB"], 4: ["P1", draw(NASTY), "99LAB"], 7: "20260203063000+0100", 22: "20260203091200+0100",
                 24: "CH", 25: draw(st.sampled_from("FPC"))}),
    ]  # fmt: skip
    for number in range(draw(st.integers(1, 4))):
        rows.append(("OBX", {1: str(number + 1), **draw(results(number))}))
        if draw(st.booleans()):
            rows.append(("NTE", {1: "1", 3: draw(NASTY)}))
    made = message(rows, STANDARD, "")
    assert isinstance(made, bytes)
    return made


@given(reports())
@settings(max_examples=60, deadline=None)
def test_a_report_says_the_same_after_going_there_and_back(sent: bytes) -> None:
    first = [one for one in resources(sent) if one["resourceType"] in KEPT]
    second = [one for one in resources(back(resources(sent))) if one["resourceType"] in KEPT]
    assert [verdict for verdict in compare(second, first) if verdict.kind != "agree"] == []


@given(reports())
@settings(max_examples=40, deadline=None)
def test_no_value_can_add_a_segment(sent: bytes) -> None:
    names = [line[:3] for line in back(resources(sent)).split(b"\r") if line]
    assert names.count(b"PID") == 1 and names.count(b"MSH") == 1
    assert names.count(b"OBX") == sent.count(b"\rOBX|")
