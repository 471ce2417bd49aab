"""Builds acknowledgements (HL7 v2.9.1 section 2.8): which are wanted, which code they carry, and the bytes of MSH, MSA and ERR.

Original mode (MSH-15 and MSH-16 empty) answers AA, AE or AR; enhanced mode answers CA, CE or CR as MSH-15 asks. What is
echoed from the request is echoed byte for byte, control characters written as escapes so that no answer can end its own
block.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from itertools import count
from typing import NamedTuple

from adapters.hl7v2.errors import err_segments
from adapters.hl7v2.escape import ABSENT, STANDARD, Delimiters
from adapters.hl7v2.header import Header
from engine.fault import Fault

_CONTROLS = {code: f"\\X{code:02X}\\" for code in (*range(0x20), 0x7F)}
_PROTOCOL = ("E111", "E112", "E140", "E141", "E142")  # what MSH-9, MSH-11, MSH-12 say: CR in enhanced mode
_ANSWERS = {("ORU", "R40"): "ORA^R41^ORA_R41"}  # events whose answer is not a plain ACK
_numbers = count(1)
_run = f"{time.time_ns() // 1_000_000:X}"[-9:] + secrets.token_hex(2).upper()


class Wish(NamedTuple):
    """What a message asks to be answered: conditions of table 0155 (AL, NE, ER, SU)."""

    enhanced: bool
    accept: str
    application: str


@dataclass(frozen=True, slots=True)
class Party:
    """Who we are in MSH-3 and MSH-4 of an answer; '' takes what the request called us."""

    application: str = ""
    facility: str = ""


def control_id() -> str:
    """A control id of our own, unique over restarts, at most 20 characters as old versions want."""
    return f"{_run}{next(_numbers):X}"[-20:]


def wish_of(header: Header | None, forced: str = "") -> Wish:
    """The mode a message asks for by MSH-15 and MSH-16, unless the channel forces `original` or `enhanced`."""
    accept, application = (header.value(15), header.value(16)) if header else ("", "")
    if forced == "original" or not (accept or application or forced == "enhanced"):
        return Wish(False, "", "AL")
    if forced == "enhanced" and not (accept or application):
        return Wish(True, "AL", "")
    return Wish(True, accept, application)


def is_due(condition: str, good: bool) -> bool:
    """Whether table 0155 wants an answer; a word it does not have counts as always."""
    return {"": False, "NE": False, "ER": not good, "SU": good}.get(condition, True)


def code_of(fault: Fault | None, accept_level: bool) -> str:
    """MSA-1: AA, AE or AR, or at accept level CA, CE or CR."""
    if fault is None:
        return "CA" if accept_level else "AA"
    if not accept_level:
        return fault.kind.answer.msa1
    return "CR" if fault.code in _PROTOCOL else "CE"


def is_acknowledgement(header: Header) -> bool:
    """True for an ACK, which is never acknowledged in original mode."""
    return header.value(9) in ("ACK", "MCF")


def build(
    header: Header | None, code: str, faults: Sequence[Fault] = (), *, at: datetime, own: Party, sequence: str = ""
) -> bytes:
    """The acknowledgement of a message whose header has been read, or of one that has none.

    `sequence` is MSA-4. Every fault becomes an ERR segment; MSA-3 repeats the first one's text for versions before 2.7.
    """
    marks = _usable(header.marks) if header else STANDARD
    field, component = marks.field, marks.component
    version = _echo(header, 12) or "2.5.1"
    msh = [
        _beginning(marks),
        own.application.replace("^", component) or _echo(header, 5),
        own.facility.replace("^", component) or _echo(header, 6),
        _echo(header, 3),
        _echo(header, 4),
        moment(at),
        "",
        _type(header.value(9, 1), header.value(9, 2), version, component) if header else "ACK",
        control_id(),
        _echo(header, 11) or "P",
        version,
    ]
    if header and header.raw(18):
        msh += ["", "", "", "", "", _echo(header, 18)]
    first = faults[0] if faults else None
    text = first.text if first and version < "2.7" else ""
    msa = ["MSA", code, _echo(header, 10), _plain(text, marks) if text else "", sequence]
    lines = [field.join(msh), field.join(msa).rstrip(field), *(err_segments(faults, marks, version) if faults else ())]
    return ("\r".join(lines) + "\r").encode("latin-1", "replace")


@lru_cache(maxsize=4)
def _second(at: datetime) -> str:
    return f"{at:%Y%m%d%H%M%S%z}"


def moment(at: datetime) -> str:
    """A time as MSH-7 wants it, to the second, with its offset."""
    return _second(at.replace(microsecond=0))


def _usable(marks: Delimiters) -> Delimiters:
    """The request's delimiters; those it lacks are the usual ones, if they are free."""
    if ABSENT not in marks[:5]:
        return marks
    free = [usual if mark == ABSENT and usual not in marks else mark for mark, usual in zip(marks[:5], STANDARD[:5], strict=True)]
    return Delimiters(*free)


def _echo(header: Header | None, field: int) -> str:
    text = header.raw(field) if header else ""
    return text if text.isprintable() else text.translate(_CONTROLS)


@lru_cache(maxsize=16)
def _beginning(marks: Delimiters) -> str:
    """MSH up to its second field."""
    return f"MSH{marks.field}" + "".join(mark for mark in marks[1:] if mark != ABSENT)


@lru_cache(maxsize=64)
def _type(code: str, event: str, version: str, component: str) -> str:
    """MSH-9 of the answer to a message of this code and event."""
    special = _ANSWERS.get((code, event))
    kept = "".join(mark for mark in event if mark.isalnum())[:8]
    plain = f"ACK^{kept}" if version < "2.3.1" else f"ACK^{kept}^ACK"
    return (special or (plain if kept else "ACK")).replace("^", component)


def _plain(text: str, marks: Delimiters) -> str:
    return "".join(mark if mark.isprintable() and mark not in marks else " " for mark in text)[:80]
