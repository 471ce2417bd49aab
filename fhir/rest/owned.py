"""What the server itself records or renders: clients read it, and never write, replace or delete it."""

from __future__ import annotations

import re

from engine.fault import Fault, Kind
from fhir.store import Change, Expect, access, origin
from fhir.store.change import name

NAMES = {"AuditEvent": re.compile(f"{access.PREFIX}[0-9]+"), "Provenance": re.compile(f"{origin.PREFIX}[0-9]+")}
OWN = Fault(Kind.FORBIDDEN, "E581", "this record is the server's own", "", "it is read only; use another id")


def owned(type: str, id: str) -> Fault | None:
    """Whether a resource of this name is one of the server's records."""
    names = NAMES.get(type)
    return OWN if names is not None and names.fullmatch(id) else None


def touched(change: Change) -> Fault | None:
    """Whether a change would write one of them."""
    held = change.change if isinstance(change, Expect) else change
    return owned(*name(held))
