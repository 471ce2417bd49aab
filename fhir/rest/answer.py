"""Answers over HTTP: bodies as they are stored, their version in the headers, faults as OperationOutcomes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import format_datetime
from typing import Any

from engine.fault import Fault
from fhir import encode
from fhir.rest.outcome import outcome, status

JSON = dict[str, Any]
MEDIA = "application/fhir+json"


@dataclass(frozen=True, slots=True)
class Answer:
    """A status, a JSON body and headers, before they are HTTP: a Bundle's entry has the same."""

    status: int
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    type: str = ""
    id: str = ""
    version: int = 0
    outcome: JSON | None = None


def refused(faults: Fault | Sequence[Fault]) -> Answer:
    """The answer that tells what is wrong; its status is the first fault's."""
    held = [faults] if isinstance(faults, Fault) else list(faults)
    told = outcome(held)
    return Answer(status(held[0]), encode.dumps(told), outcome=told)


def versioned(version: int, updated: datetime) -> dict[str, str]:
    """The headers of a version."""
    return {"ETag": f'W/"{version}"', "Last-Modified": format_datetime(updated, usegmt=True)}
