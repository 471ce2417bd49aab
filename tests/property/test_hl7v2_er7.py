"""The parser and the writer: whatever comes in, nothing is lost and nothing but a Fault comes out; whatever is written reads back."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.hl7v2 import ack, batch, er7, render
from adapters.hl7v2.er7 import Er7
from adapters.hl7v2.escape import Delimiters, escape, unescape
from adapters.hl7v2.format import Hl7v2
from adapters.hl7v2.header import Header, read_header
from adapters.hl7v2.path import Hl7Path
from adapters.hl7v2.segment import Rep
from adapters.hl7v2.structure import Group, root
from engine.fault import Fault

_AT = datetime(2024, 1, 1, tzinfo=UTC)
NAMES = st.sampled_from("MSH PID PV1 NK1 ORC OBR OBX NTE ZZZ SPM PD1 XYZ IN1 FHS BTS DSC".split())
TEXT = st.text(st.characters(exclude_categories=("Cs",)), max_size=20)
FIELD = st.text(st.sampled_from('ab1^~&\\|#"\n\r \x0b\x1cé'), max_size=12)
LINE = st.builds(lambda name, fields: "|".join([name, *fields]), NAMES, st.lists(FIELD, max_size=8))
KIND = st.sampled_from(["ORU^R01^ORU_R01", "ADT^A01", "ORM^O01", "VXU^V04", "X", ""])
ENDS = st.sampled_from(["\r", "\n", "\r\n", "\r\r"])


@st.composite
def messages(draw: st.DrawFn) -> bytes:
    """Something like a message."""
    head = rf"MSH|^~\&|A|B|C|D|2024||{draw(KIND)}|1|P|{draw(st.sampled_from(['2.3', '2.5.1', '2.8', '']))}"
    parts = [head, *draw(st.lists(LINE, max_size=15))]
    return draw(ENDS).join(parts).encode()


@settings(max_examples=300)
@given(messages())
def test_a_message_is_given_back_byte_for_byte_and_keeps_every_segment_in_its_tree(raw: bytes) -> None:
    message = er7.parse(raw)
    if isinstance(message, Fault):
        return
    assert render.original(message) == raw
    assert list(root(message).everything()) == message.segments


@settings(max_examples=300)
@given(messages())
def test_every_field_stands_where_its_span_says(raw: bytes) -> None:
    message = er7.parse(raw)
    if isinstance(message, Fault):
        return
    for segment in message.segments:
        for field in range(1, len(segment.fields)):
            assert segment.raw(field).decode() == segment.fields[field]


@settings(max_examples=300)
@given(
    st.binary(max_size=300)
    | messages().map(lambda raw: raw[:200])
    | st.binary(max_size=99).map(lambda tail: b"MSH|^~\\&|" + tail)
)
def test_anything_gives_a_tree_or_a_fault_and_is_answered(raw: bytes) -> None:
    hl7 = Hl7v2()
    scope = hl7.parse(raw)
    assert isinstance(scope, Group | Fault)
    for part in batch.split(raw).messages:
        header = read_header(part)
        answer = ack.build(header if isinstance(header, Header) else None, "AA", at=_AT, own=ack.Party())
        assert not set(answer) & {0x0B, 0x1C}
        assert isinstance(er7.parse(answer, fallback="latin-1"), Er7)
    hl7.envelope(raw)


PATHS = [
    Hl7v2().path(text, "ORU_R01", "")
    for text in ("PID-3", "PID-3.4.2", "OBX-5", "OBX-5.1", "NTE-3", "ZZZ-1", "MSH-1", "OBX[2]-3[2].1")
]


@settings(max_examples=200)
@given(messages())
def test_paths_agree_with_themselves_on_anything(raw: bytes) -> None:
    scope = Hl7v2().parse(raw)
    if isinstance(scope, Fault):
        return
    for scopes in ([scope], scope.each("OBSERVATION"), scope.each("NTE"), scope.each("PID-3")):
        for place in scopes:
            for path in PATHS:
                assert isinstance(path, Hl7Path)
                value, values = path.first(place), path.all(place)
                assert value is None or isinstance(value, Rep | str)
                text, start, end = path.where(place)
                assert (value is None) == ((start, end) == (0, 0) and text == path.text)
                assert not (value is not None and not values and path.place.comp == 0)
                path.null(place)


@given(TEXT)
def test_what_is_escaped_is_harmless_and_reads_back(value: str) -> None:
    written = escape(value)
    assert not set(written) & set("|^~&\r\n\x0b\x1c\x00")
    assert unescape(written) == value


@given(st.text(st.sampled_from("\\FSTREXCMZ.brsp0123456789abcdef|^\r é"), max_size=40))
def test_unescaping_anything_gives_text(value: str) -> None:
    assert isinstance(unescape(value), str)
    assert isinstance(unescape(value, Delimiters("$", "@", "!", "\\", "*"), "iso8859-1"), str)


SUBS = st.lists(TEXT, min_size=1, max_size=3)
REPS = st.lists(st.lists(SUBS, min_size=1, max_size=4), min_size=1, max_size=3)


@given(st.dictionaries(st.integers(1, 12), REPS, max_size=5))
def test_a_message_that_is_written_reads_back_value_for_value(fields: dict[int, Any]) -> None:
    body = render.message([("MSH", {9: ["ORU", "R01"], 10: "1", 11: "P", 12: "2.5"}), ("ZZZ", fields)])
    assert isinstance(body, bytes)
    message = er7.parse(body)
    assert isinstance(message, Er7)
    assert [segment.name for segment in message.segments] == ["MSH", "ZZZ"]
    segment = message.segments[1]
    for field, reps in fields.items():
        for rep, components in enumerate(reps):
            for comp, subs in enumerate(components, 1):
                for sub, value in enumerate(subs, 1):
                    assert segment.value(field, rep, comp, sub) == value
