"""Scopes of one segment and one repetition, and the paths read from inside them."""

from __future__ import annotations

from typing import Any

from adapters.hl7v2.format import Hl7v2
from engine.fault import Fault

MESSAGE = b"\r".join([
    rb"MSH|^~\&|L|LAB|E|EHR|20260101||ORU^R01^ORU_R01|1|P|2.5.1",
    b"PID|1||7^^^H^MR~8^^^G^MR||Doe^Jane",
    b"NK1|1|Doe^Jim|FTH|||555~556",
    b"NK1|2|Doe^Ann|MTH",
    b"PV1|1|I|||||A1^Ash~B2^Birch",
    b"OBR|1|||CBC",
    b"OBX|1|NM|HB||13.2|g/dL",
    b"NTE|1||first",
    b"NTE|2||second~more",
    b"OBX|2|NM|WBC||7.1|10*9/L",
    b"NTE|1||other",
])  # fmt: skip
FORMAT = Hl7v2()


def root() -> Any:
    scope = FORMAT.parse(MESSAGE)
    assert not isinstance(scope, Fault)
    return scope


def path(text: str, group: str = "") -> Any:
    found = FORMAT.path(text, "ORU_R01", group)
    assert not isinstance(found, Fault), found
    return found


def test_inside_a_note_its_text_is_that_note_s() -> None:
    notes = [scope.each("NTE") for scope in root().each("OBSERVATION")]
    text = path("NTE-3", "OBSERVATION/NTE")
    assert [[rep[1] for note in some for rep in text.all(note)] for some in notes] == [["first", "second", "more"], ["other"]]


def test_inside_a_note_the_result_s_and_the_patient_s_fields_are_read_too() -> None:
    note = root().each("OBSERVATION")[1].each("NTE")[0]
    assert path("OBX-3.1", "OBSERVATION/NTE").first(note) == "WBC"
    assert path("PID-5.2", "OBSERVATION/NTE").first(note) == "Jane"


def test_inside_a_repetition_the_field_is_that_repetition() -> None:
    doctors = root().each("PV1-7")
    assert [path("PV1-7.2", "PV1-7").first(one) for one in doctors] == ["Ash", "Birch"]
    assert [path("PV1-7", "PV1-7").first(one)[1] for one in doctors] == ["A1", "B2"]
    assert [path("PV1-2.1", "PV1-7").first(one) for one in doctors] == ["I", "I"]


def test_a_repetition_is_the_same_object_however_it_was_reached() -> None:
    top = root()
    assert top.each("PV1-7")[1] is top.each("PATIENT")[0].each("PV1-7")[1]


def test_a_field_within_a_segment_is_taken_one_by_one() -> None:
    kin = root().each("NK1")[0]
    phones = kin.each("NK1-6")
    assert [path("NK1-6", "NK1/NK1-6").first(one)[1] for one in phones] == ["555", "556"]
    assert path("PID-5.1", "NK1/NK1-6").first(phones[0]) == "Doe"


def test_the_bytes_of_a_repetition_are_told() -> None:
    second = root().each("PV1-7")[1]
    place, start, end = path("PV1-7.2", "PV1-7").where(second)
    assert (place, MESSAGE[start:end]) == ("PV1[1]-7[2].2", b"Birch")


def test_a_group_that_is_not_there_is_named_with_its_neighbour() -> None:
    fault = FORMAT.group("OBSERVATIONS", "ORU_R01", "")
    assert fault is not None
    assert (fault.code, fault.help) == ("E135", "Did you mean OBSERVATION?")
    assert FORMAT.group("NTE", "ORU_R01", "OBSERVATION") is None
    assert FORMAT.group("QQQ", "ORU_R01", "") is not None
