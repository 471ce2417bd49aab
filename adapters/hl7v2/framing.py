"""Finds and makes MLLP blocks in a byte stream, sans-IO (HL7 v2 Implementation Guide, Appendix C: minimal lower layer protocol).

A block is VT (0x0B), the body, FS (0x1C), CR (0x0D). The machine:

    state   byte           next    effect
    WAIT    VT             BODY    a body begins; what was skipped before it is reported once
    WAIT    CR LF NUL      WAIT    skipped in silence
    WAIT    other          WAIT    skipped and counted; past 64 KiB a fatal fault
    BODY    FS             GOT_FS
    BODY    VT + header    BODY    the open body was never closed: a fault with the part; a new body begins
    BODY    other          BODY    past `max_frame` a fatal fault
    GOT_FS  CR             WAIT    a frame
    GOT_FS  VT             BODY    a frame that lacks its CR, and the next one begins
    GOT_FS  (flush)        WAIT    a frame that lacks its CR: the sender is waiting for our answer
    GOT_FS  other          BODY    FS was data

VT inside a body is data unless a message header (MSH, FHS, BHS) follows it. Bytes are never altered.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from engine.fault import Fault, Kind

VT, FS, CR = 0x0B, 0x1C, 0x0D
MAX_FRAME = 16 * 1024 * 1024
MAX_SKIPPED = 64 * 1024
HEAD = 64 * 1024  # how much of an oversized body is kept, to answer it
_SPECIAL = re.compile(rb"[\x0b\x1c]")
_HEADERS = (b"MSH", b"FHS", b"BHS")
_BLANK = b"\r\n\x00"


@dataclass(frozen=True, slots=True)
class Frame:
    """The body of one block, as it came. `lenient` when its final CR was missing."""

    body: bytes
    lenient: bool = False


@dataclass(frozen=True, slots=True)
class FramingFault:
    """What was wrong in the stream. `part` holds the bytes concerned; after a `fatal` one nothing more is read."""

    fault: Fault
    part: bytes = b""
    fatal: bool = False


def wrap(body: bytes) -> bytes:
    """One block around a body."""
    return b"\x0b" + body + b"\x1c\r"


class Framer:
    """Collects chunks and gives the frames they complete."""

    __slots__ = ("_buf", "_in_body", "_max", "_scan", "closed", "first_skipped", "skipped")

    def __init__(self, max_frame: int = MAX_FRAME) -> None:
        self._buf = bytearray()
        self._in_body = False
        self._max = max_frame
        self._scan = 0
        self.skipped = 0  # bytes outside blocks since the last block, blanks not counted
        self.first_skipped = b""
        self.closed = False

    @property
    def open(self) -> bool:
        """True while a body has begun and not ended."""
        return self._in_body

    @property
    def awaiting_cr(self) -> bool:
        """True when the last byte seen was an FS: only its CR, or `flush`, is missing."""
        return self._in_body and self._scan == len(self._buf) - 1 and self._buf[-1] == FS

    @property
    def size(self) -> int:
        """How many bytes are held for a body that is open."""
        return len(self._buf)

    @property
    def partial(self) -> bytes:
        """The bytes of the body that is open."""
        return bytes(self._buf) if self._in_body else b""

    def feed(self, data: bytes) -> list[Frame | FramingFault]:
        """Takes a chunk; gives what it completes, in order."""
        if self.closed:
            return []
        if not self._in_body and not self.skipped and data[:1] == b"\x0b" and data[-1:] == b"\r":
            end = len(data) - 2
            if data.find(b"\x1c", 1) == end and data.find(b"\x0b", 1) < 0 and end - 1 <= self._max:
                return [Frame(data[1:end])]  # the usual case: one read, one block
        self._buf += data
        found: list[Frame | FramingFault] = []
        while self._step(found):
            pass
        return found

    def flush(self) -> list[Frame | FramingFault]:
        """Ends a body whose FS came without a CR; to be called when the line has been idle for a moment."""
        if not self.awaiting_cr:
            return []
        frame = Frame(bytes(self._buf[:-1]), lenient=True)
        self._reset(len(self._buf))
        return [frame]

    def stop(self, fault: Fault) -> FramingFault:
        """Ends the stream for a reason of the listener's; what was open is given up."""
        return self._end(fault, bytes(self._buf[:HEAD]))

    def _step(self, found: list[Frame | FramingFault]) -> bool:
        return self._read_body(found) if self._in_body else self._skip(found)

    def _reset(self, used: int) -> None:
        del self._buf[:used]
        self._in_body, self._scan = False, 0

    def _skip(self, found: list[Frame | FramingFault]) -> bool:
        start = self._buf.find(VT)
        junk = self._buf if start < 0 else self._buf[:start]
        solid = junk.translate(None, _BLANK)
        if solid:
            self.skipped += len(solid)
            self.first_skipped = (self.first_skipped + solid)[:64]
        if self.skipped > MAX_SKIPPED:
            return self._fatal(found, _fault_skipped(), self.first_skipped)
        if start < 0:
            self._buf.clear()
            return False
        if self.skipped:
            found.append(FramingFault(_fault_skipped(), self.first_skipped))
            self.skipped, self.first_skipped = 0, b""
        del self._buf[: start + 1]
        self._in_body, self._scan = True, 0
        return True

    def _read_body(self, found: list[Frame | FramingFault]) -> bool:
        buf = self._buf
        hit = _SPECIAL.search(buf, self._scan)
        at = hit.start() if hit else len(buf)
        if at > self._max:
            return self._fatal(found, _fault_size(self._max), bytes(buf[: min(self._max, HEAD)]))
        self._scan = at
        if hit is None:
            return False
        return self._at_fs(found, at) if buf[at] == FS else self._at_vt(found, at)

    def _at_fs(self, found: list[Frame | FramingFault], at: int) -> bool:
        if at + 1 == len(self._buf):
            return False
        after = self._buf[at + 1]
        if after not in (CR, VT):
            self._scan = at + 1
            return True
        found.append(Frame(bytes(self._buf[:at]), lenient=after == VT))
        self._reset(at + (2 if after == CR else 1))
        return True

    def _at_vt(self, found: list[Frame | FramingFault], at: int) -> bool:
        after = bytes(self._buf[at + 1 : at + 4])
        if len(after) < 3 and any(header.startswith(after) for header in _HEADERS):
            return False
        if after not in _HEADERS:
            self._scan = at + 1
            return True
        if at:
            found.append(FramingFault(_fault_unclosed(), bytes(self._buf[:at])))
        del self._buf[: at + 1]
        self._scan = 0
        return True

    def _fatal(self, found: list[Frame | FramingFault], fault: Fault, part: bytes) -> bool:
        found.append(self._end(fault, part))
        return False

    def _end(self, fault: Fault, part: bytes) -> FramingFault:
        self._buf.clear()
        self._in_body, self._scan, self.closed = False, 0, True
        return FramingFault(fault, part, fatal=True)


def _fault_skipped() -> Fault:
    return Fault(
        Kind.INCORRECT,
        "E101",
        "bytes outside an MLLP block were skipped",
        help="Each message must stand between 0x0B and 0x1C 0x0D.",
    )


def _fault_unclosed() -> Fault:
    return Fault(
        Kind.INCORRECT,
        "E102",
        "a block was not closed before the next one began",
        help="The sender broke off; it has to send the message again.",
    )


def _fault_size(limit: int) -> Fault:
    return Fault(
        Kind.UNSUPPORTED,
        "E103",
        f"the block is larger than {limit} bytes",
        help="Raise `max_frame` of the source if it is wanted.",
    )
