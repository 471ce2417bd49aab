"""The beginning of a message gives what the whole message gives."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.hl7v2.format import Hl7v2
from adapters.hl7v2.lead import leading
from adapters.hl7v2.path import Hl7Path
from adapters.hl7v2.traffic import hospital
from engine.fault import Fault

TEXTS = ("PID-3.1", "PID-3", "MSH-4", "PV1-19.1", "OBR-3.1", "MRG-1.1", "NTE-3", "PID-30")
MESSAGES = list(hospital(5, 1))
ODD = (
    b"",
    b"PID",
    b"pid|1||7",
    b"continued text",
    b"ZZZ|1",
    b"PID|1||8^^^A\x1c",
    b"NTE|1||a note",
    b"PV1||I",
    b"OBR|1||9",
    b"\nPID|1||6",
)


def paths() -> list[Hl7Path]:
    found = [Hl7v2().path(text, "", "") for text in TEXTS]
    assert not any(isinstance(one, Fault) for one in found)
    return found  # type: ignore[return-value]


READS = [(path, leading([path], None, None)) for path in paths()]
TOGETHER = (paths()[0], paths()[2])
BOTH = leading(TOGETHER, None, None)


def told(path: Hl7Path, scope: Any) -> str:
    if isinstance(scope, Fault):
        return scope.code
    found = path.first(scope)
    return "" if found is None else found if isinstance(found, str) else found.text


def check(body: bytes) -> None:
    whole = Hl7v2().parse(body)
    for path, read in READS:
        assert read is not None
        assert told(path, read(body)) == told(path, whole), path.text
    assert BOTH is not None
    begun = BOTH(body)
    assert [told(path, begun) for path in TOGETHER] == [told(path, whole) for path in TOGETHER]


def test_ordinary_messages_begin_with_their_patient() -> None:
    for body in MESSAGES:
        check(body)
    begun: Any = BOTH(MESSAGES[0])  # type: ignore[misc]
    assert len(begun.message.segments) < len(Hl7v2().parse(MESSAGES[0]).message.segments)  # type: ignore[union-attr]


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(MESSAGES), st.data())
def test_whatever_stands_in_a_message_and_wherever(message: bytes, data: st.DataObject) -> None:
    lines = message.rstrip(b"\r").split(b"\r")[:12]
    rest = lines[1:]
    for _ in range(data.draw(st.integers(0, 4))):
        at = data.draw(st.integers(0, len(rest)))
        match data.draw(st.sampled_from(["odd", "again", "gone", "moved"])):
            case "odd":
                rest.insert(at, data.draw(st.sampled_from(ODD)))
            case "again" if rest:
                rest.insert(at, data.draw(st.sampled_from(rest)))
            case "gone" if at < len(rest):
                rest.pop(at)
            case "moved" if rest:
                rest.insert(at, rest.pop(data.draw(st.integers(0, len(rest) - 1))))
    end = data.draw(st.sampled_from([b"\r", b"\r", b"\n", b"\r\n"]))
    check(end.join([lines[0], *rest]) + data.draw(st.sampled_from([b"", end])))


HEAD = b"MSH|^~\\&|A|B|C|D|20260101||ORU^R01^ORU_R01|1|P|2.5.1\r"


def test_the_first_segment_of_a_name_is_not_taken_where_the_path_means_another() -> None:
    """Seen from the message, NTE-3 is a note on the patient (v2.5.1 section 7.3.1), not the first note there is."""
    body = HEAD + b"PID|1||7\rOBR|1\rOBX|1|ST|a||b\rNTE|1||on the result\rZZZ|1\r"
    check(body)
    note = next(path for path in paths() if path.text == "NTE-3")
    assert told(note, Hl7v2().parse(body)) == ""


def test_a_segment_out_of_place_is_read_as_in_the_whole_message() -> None:
    check(HEAD + b"OBR|1||5\rPV1||I|||||||||||||||||4\rPID|1||7\rOBX|1|ST|a||b\r")
    check(HEAD + b"MRG|6\rPID|1||7\rOBR|1||5\rMRG|8\r")
