"""Errors are values: a Fault says what went wrong, where, and what to do; its Kind decides how each protocol answers.

One table maps a kind to every protocol's own error: MSA-1 (HL7 v2.9.1 section 2.8), the HTTP status (RFC 9110),
OperationOutcome.issue.code (FHIR R4), the SOAP fault code, the command's exit status, and whether a retry can help.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple


class Answer(NamedTuple):
    """What a kind of fault looks like in each protocol."""

    msa1: str
    http: int
    issue: str
    soap: str
    exit: int
    retry: bool


class Kind(Enum):
    """The nine kinds of fault."""

    INCORRECT = "incorrect"
    UNSUPPORTED = "unsupported"
    NOT_FOUND = "not-found"
    CONFLICT = "conflict"
    FORBIDDEN = "forbidden"
    UNAVAILABLE = "unavailable"
    BUSY = "busy"
    INTERRUPTED = "interrupted"
    FAULT = "fault"

    @property
    def answer(self) -> Answer:
        """The row of the protocol table for this kind."""
        return ANSWERS[self]


ANSWERS: dict[Kind, Answer] = {
    Kind.INCORRECT: Answer("AE", 400, "invalid", "Client", 1, False),
    Kind.UNSUPPORTED: Answer("AR", 422, "not-supported", "Client", 1, False),
    Kind.NOT_FOUND: Answer("AE", 404, "not-found", "Client", 1, False),
    Kind.CONFLICT: Answer("AE", 409, "conflict", "Client", 1, False),
    Kind.FORBIDDEN: Answer("AR", 403, "forbidden", "Client", 1, False),
    Kind.UNAVAILABLE: Answer("AR", 503, "transient", "Server", 3, True),
    Kind.BUSY: Answer("AR", 429, "throttled", "Server", 3, True),
    Kind.INTERRUPTED: Answer("AR", 503, "timeout", "Server", 3, True),
    Kind.FAULT: Answer("AR", 500, "exception", "Server", 3, False),
}


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that went wrong.

    `code` is stable and documented in docs/faults.md; `at` is a place in the field's own notation (`OBX[2]-5`,
    `line 12:14`, a JSON path); `text` and `help` are for people and never carry a patient's values.
    """

    kind: Kind
    code: str
    text: str
    at: str = ""
    help: str = ""
    others: tuple[Fault, ...] = ()  # what else was found, where one answer names several
    again: float = 0.0  # seconds that a far side asks to be left alone for; 0 where it asks for nothing

    def all(self) -> tuple[Fault, ...]:
        """This fault and the others found with it."""
        return (self, *self.others)

    def __str__(self) -> str:
        place = f" at {self.at}" if self.at else ""
        return f"{self.code}{place}: {self.text}"

    def as_dict(self) -> dict[str, str]:
        """The fault as plain JSON, empty parts left out."""
        row = {"kind": self.kind.value, "code": self.code, "text": self.text, "at": self.at, "help": self.help}
        return {name: value for name, value in row.items() if value}


class Refused(Exception):
    """Carries a Fault across a framework that knows only exceptions (a web handler, a callback)."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(str(fault))
        self.fault = fault


def innermost(error: BaseException) -> str:
    """The place in the code where an exception arose, as folder/file:line; what may be told of a bug beside its type."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return f"{'/'.join(trace.tb_frame.f_code.co_filename.split('/')[-2:])}:{trace.tb_lineno}" if trace else ""
