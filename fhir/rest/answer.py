"""Answers over HTTP: bodies as they are stored, their version in the headers, faults as OperationOutcomes."""

from __future__ import annotations

import re
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
METHOD = re.compile(r"[A-Z]{3,6}")


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
    told, code = outcome(held), status(held[0])
    headers = {"Allow": ", ".join(METHOD.findall(held[0].help))} if code == 405 else {}  # RFC 9110 section 15.5.6
    return Answer(code, encode.dumps(told), headers, outcome=told)


def versioned(version: int, updated: datetime) -> dict[str, str]:
    """The headers of a version."""
    return {"ETag": f'W/"{version}"', "Last-Modified": format_datetime(updated, usegmt=True)}
