"""MLLP framing: every case whole, byte by byte, and with bytes after it."""

from __future__ import annotations

import pytest

from adapters.hl7v2.framing import Frame, Framer, FramingFault, wrap

M1 = b"MSH|^~\\&|A\rPID|1\r"
M2 = b"MSH|^~\\&|B\r"


def bodies(found: list[Frame | FramingFault]) -> list[bytes]:
    return [item.body for item in found if isinstance(item, Frame)]


def codes(found: list[Frame | FramingFault]) -> list[str]:
    return [item.fault.code for item in found if isinstance(item, FramingFault)]


CASES = {
    "one frame": (wrap(M1), [M1], []),
    "three frames in one write": (wrap(M1) + wrap(M2) + wrap(M1), [M1, M2, M1], []),
    "cr lf before a frame": (b"\r\n" + wrap(M1), [M1], []),
    "fs cr lf, then a frame": (wrap(M1) + b"\n" + wrap(M2), [M1, M2], []),
    "fs without cr, then a frame": (b"\x0b" + M1 + b"\x1c" + wrap(M2), [M1, M2], []),
    "fs in the payload": (wrap(M1 + b"a\x1cb"), [M1 + b"a\x1cb"], []),
    "vt in the payload": (wrap(M1 + b"a\x0bb"), [M1 + b"a\x0bb"], []),
    "half a message, then a frame": (b"\x0b" + M1[:9] + wrap(M2), [M2], ["E102"]),
    "two start blocks": (b"\x0b" + wrap(M1), [M1], []),
    "an empty frame": (wrap(b""), [b""], []),
    "junk before a frame": (b"GET / HTTP/1.1\r\n" + wrap(M1), [M1], ["E101"]),
    "not hl7 at all": (wrap(b"hello"), [b"hello"], []),
}


@pytest.mark.parametrize("case", CASES)
def test_a_stream_gives_its_frames_in_one_read(case: str) -> None:
    stream, frames, faults = CASES[case]
    found = Framer().feed(stream)
    assert (bodies(found), codes(found)) == (frames, faults)


@pytest.mark.parametrize("case", CASES)
def test_a_stream_gives_the_same_frames_byte_by_byte(case: str) -> None:
    stream, frames, faults = CASES[case]
    framer = Framer()
    found = [item for byte in stream for item in framer.feed(bytes([byte]))]
    assert (bodies(found), codes(found)) == (frames, faults)


@pytest.mark.parametrize("case", CASES)
def test_bytes_that_follow_wait_for_their_end(case: str) -> None:
    stream, frames, _ = CASES[case]
    framer = Framer()
    assert bodies(framer.feed(stream + b"\x0bMSH|")) == frames
    assert framer.open
    assert framer.partial == b"MSH|"


def test_a_frame_that_lacks_its_cr_ends_when_the_line_is_idle() -> None:
    framer = Framer()
    assert framer.feed(b"\x0b" + M1 + b"\x1c") == []
    assert framer.awaiting_cr
    assert framer.flush() == [Frame(M1, lenient=True)]
    assert framer.feed(b"\r" + wrap(M2)) == [Frame(M2)]


def test_flush_does_not_end_a_body_that_is_still_coming() -> None:
    framer = Framer()
    framer.feed(b"\x0b" + M1)
    assert framer.flush() == []
    assert framer.open


def test_a_frame_of_the_maximum_size_passes_and_one_byte_more_is_fatal() -> None:
    assert bodies(Framer(max_frame=len(M1)).feed(wrap(M1))) == [M1]
    framer = Framer(max_frame=len(M1) - 1)
    [fault] = framer.feed(wrap(M1))
    assert isinstance(fault, FramingFault)
    assert (fault.fault.code, fault.fatal, fault.part) == ("E103", True, M1[:-1])
    assert framer.feed(wrap(M2)) == []


def test_a_body_without_end_is_cut_before_it_fills_the_memory() -> None:
    framer = Framer(max_frame=1000)
    framer.feed(b"\x0b" + M1)
    found = [item for _ in range(100) for item in framer.feed(b"x" * 100)]
    assert codes(found) == ["E103"]
    assert framer.partial == b""


def test_blanks_are_skipped_for_ever_and_junk_only_up_to_64_kib() -> None:
    framer = Framer()
    for _ in range(20):
        assert framer.feed(b"\r\n\x00" * 5000) == []
    assert framer.feed(b"x" * 65536) == []
    [fault] = framer.feed(b"x")
    assert isinstance(fault, FramingFault)
    assert fault.fatal
    assert fault.part == b"x" * 64
