"""Takes batches and blocks of several messages apart, checks their counts, and builds the answer (HL7 v2.9.1 section 2.9.3).

`[FHS] { [BHS] { [MSH …] } [BTS] } [FTS]`: mixed types and no messages at all are allowed. A count that does not agree means
something was lost on the way, so the whole batch is in doubt. A message that ends in DSC, or continues one (MSH-14), is a
fragment (section 2.9.2).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice

from adapters.hl7v2.ack import Party, control_id
from adapters.hl7v2.escape import ABSENT
from adapters.hl7v2.header import Header, read_header
from engine.fault import Fault, Kind

_LINES = re.compile(rb"(?:\A|(?<=[\r\n]))(MSH|FHS|BHS|BTS|FTS)([^A-Za-z0-9\s][^\r\n]*)?(?=[\r\n]|\Z)")

MOST = 20_000  # messages and lines around them in one block: half a second of work; more are not taken apart
_TOO_MANY = Fault(Kind.INCORRECT, "E120", f"more than {MOST} messages in one block", help="Split the batch.")


@dataclass(frozen=True, slots=True)
class Batch:
    """The messages of a block, and the batch headers around them. `fault` when the counts do not agree, or there are too many."""

    messages: tuple[bytes, ...]
    file: Header | None = None  # FHS
    batch: Header | None = None  # the first BHS
    fault: Fault | None = None

    @property
    def wrapped(self) -> bool:
        """True when it came as a batch, and a batch is what answers it."""
        return self.file is not None or self.batch is not None


def is_single(body: bytes) -> bool:
    """True for the usual case, one message and nothing around it; cheap."""
    return body.startswith(b"MSH") and body.find(b"\rMSH", 3) < 0 and body.find(b"\nMSH", 3) < 0 and body.find(b"BTS", 3) < 0


def split(body: bytes) -> Batch:
    """The messages in a block, each byte as it came; a body without any MSH is one message, to be refused as such."""
    marks = [(match[1], match.start(), match[0]) for match in islice(_LINES.finditer(body), MOST + 1)]
    starts = [at for name, at, _ in marks if name == b"MSH"]
    headers = {name: found for name, at, _ in reversed(marks) if name in (b"FHS", b"BHS") and (found := _header(body[at:]))}
    if not headers and len(starts) <= 1:
        return Batch((body,))
    if len(marks) > MOST:
        return Batch((body,), headers.get(b"FHS"), headers.get(b"BHS"), _TOO_MANY)
    ends = [*(at for _, at, _ in marks[1:]), len(body)]
    lead = body[: starts[0]] if starts and not headers else b""
    messages = [body[at:end] for (name, at, _), end in zip(marks, ends, strict=True) if name == b"MSH"]
    if lead:
        messages[0] = lead + messages[0]
    return Batch(tuple(messages), headers.get(b"FHS"), headers.get(b"BHS"), _miscount(marks))


def is_fragment(header: Header, body: bytes) -> bool:
    """True when the message is continued elsewhere (DSC-1) or continues another (MSH-14)."""
    if header.raw(14):
        return True
    mark = header.marks.field.encode("latin-1")
    at = max(body.rfind(b"\rDSC" + mark), body.rfind(b"\nDSC" + mark))
    return at >= 0 and re.split(rb"[\r\n]", body[at + 5 :], maxsplit=1)[0].split(mark)[0] not in (b"", b'""')


def answer(batch: Batch, acks: Sequence[bytes], *, at: datetime, own: Party) -> bytes:
    """The response batch: the acknowledgements between headers that name the batch they answer."""
    lines = [_response(header, at, own) for header in (batch.file, batch.batch) if header]
    if batch.file and not batch.batch:
        lines.append(_response(batch.file, at, own, b"BHS"))
    mark = (batch.file or batch.batch or _none()).marks.field.encode("latin-1")
    trailer = [b"BTS" + mark + b"%d\r" % len(acks)] + ([b"FTS" + mark + b"1\r"] if batch.file else [])
    return b"".join([*lines, *acks, *trailer])


def _response(header: Header, at: datetime, own: Party, name: bytes = b"") -> bytes:
    marks = header.marks
    encoding = "".join(mark for mark in marks[1:] if mark != ABSENT)
    fields = [
        (name.decode() or header.fields[0]) + marks.field + encoding,
        own.application.replace("^", marks.component) or header.raw(5),
        own.facility.replace("^", marks.component) or header.raw(6),
        header.raw(3),
        header.raw(4),
        f"{at:%Y%m%d%H%M%S%z}",
        "",
        "",
        "",
        control_id(),
        header.raw(11),
    ]
    text = marks.field.join(fields)
    return "".join(mark if mark.isprintable() else " " for mark in text).encode("latin-1", "replace") + b"\r"


def _header(line: bytes) -> Header | None:
    found = read_header(line)
    return None if isinstance(found, Fault) else found


def _none() -> Header:
    found = read_header(b"BHS|^~\\&|")
    assert isinstance(found, Header)
    return found


def _miscount(marks: Sequence[tuple[bytes, int, bytes]]) -> Fault | None:
    """Compares BTS-1 with the messages and FTS-1 with the batches; an empty count says nothing."""
    messages = batches = 0
    open_batch = False
    for name, _, line in marks:
        if name == b"MSH":
            messages += 1
            batches += not open_batch
            open_batch = True
        elif name == b"BHS":
            messages, batches, open_batch = 0, batches + 1, True
        elif name == b"BTS":
            if _says(line, messages) is False:
                return _fault("BTS-1", "messages")
            messages, open_batch = 0, False
        elif name == b"FTS" and _says(line, batches) is False:
            return _fault("FTS-1", "batches")
    return None


def _says(line: bytes, number: int) -> bool | None:
    told = line[4:].split(line[3:4], 1)[0].strip() if len(line) > 4 else b""
    return None if not told else told.isdigit() and int(told[:9]) == number


def _fault(at: str, things: str) -> Fault:
    return Fault(
        Kind.INCORRECT,
        "E144",
        f"the number of {things} in the batch is not the one stated",
        at,
        "Part of the batch was lost: send all of it again.",
    )
