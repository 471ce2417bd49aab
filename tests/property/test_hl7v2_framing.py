"""However a stream is cut, the framer gives the same messages once and in order, and never raises."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.hl7v2.framing import Frame, Framer, FramingFault, wrap

PIECES = st.sampled_from(
    [b"MSH", b"|", b"\x0b", b"\x1c", b"\r", b"\n", b"\x1c\r", b"\x0bMSH", b"PID|1", b"FHS", b"\x00", b"\xff"]
)
NOISE = st.lists(PIECES | st.binary(max_size=8), max_size=30).map(b"".join)
BODIES = st.lists(st.binary(max_size=60).map(lambda body: b"MSH|" + body.translate(None, b"\x0b\x1c")), max_size=8)


def chunks(stream: bytes, cuts: list[int]) -> list[bytes]:
    places = sorted({cut % (len(stream) + 1) for cut in cuts} | {0, len(stream)})
    return [stream[start:end] for start, end in pairwise(places)]


def fed(parts: list[bytes], limit: int) -> list[tuple[str, bytes]]:
    framer = Framer(limit)
    found = [item for part in parts for item in framer.feed(part)]
    return [("", item.body) if isinstance(item, Frame) else (item.fault.code, item.part) for item in found]


@given(BODIES, st.lists(st.integers(0, 10_000)), NOISE.map(lambda noise: noise.translate(None, b"\x0b")))
def test_any_chunking_of_frames_gives_each_once_and_in_order(bodies: list[bytes], cuts: list[int], noise: bytes) -> None:
    stream = b"".join(wrap(body) + noise for body in bodies)
    assert [body for code, body in fed(chunks(stream, cuts), 1000) if not code] == bodies


@settings(max_examples=400)
@given(NOISE, st.lists(st.integers(0, 10_000)), st.integers(5, 60))
def test_any_chunking_of_anything_gives_the_same(stream: bytes, cuts: list[int], limit: int) -> None:
    whole, parts, single = (fed(how, limit) for how in ([stream], chunks(stream, cuts), [bytes([byte]) for byte in stream]))
    assert whole == parts == single


@given(NOISE, st.integers(5, 60))
def test_memory_is_bounded_by_the_limit(stream: bytes, limit: int) -> None:
    framer = Framer(limit)
    for byte in stream * 5:
        framer.feed(bytes([byte]))
        assert len(framer.partial) <= limit + 4


@given(NOISE)
def test_flush_ends_only_what_waits_for_its_cr(stream: bytes) -> None:
    framer = Framer()
    framer.feed(stream)
    waiting = framer.awaiting_cr
    found = framer.flush()
    assert len(found) == waiting
    assert not any(isinstance(item, FramingFault) for item in found)
