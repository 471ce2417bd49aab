"""Notices in the language of who is told: a destination of the channel `alerts` that names a `map` is sent what that makes of the alert's
resource, of whom it is about and of what it rests on. The others are sent the alert's own words as JSON.

A notice is rendered in the transaction that keeps the alert, after its resources are written, so that every retry carries the same bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from hashlib import sha256
from typing import Any

import msgspec

from engine.log import log
from engine.plugins import formats
from engine.types import JSON, Connection, Parcel, Store

MEDIA = "application/hl7-v2"
NUMBER = 20  # characters of a control id, as old versions want


class Notices:
    """Renders parcels. `mapped` gives the mappings as they are deployed now, by destination."""

    def __init__(self, mapped: Callable[[], Mapping[str, Any]], store: Store) -> None:
        self._mapped, self._store = mapped, store

    def __call__(
        self, connection: Connection, parcels: Sequence[Parcel], issues: Mapping[str, JSON], now: datetime
    ) -> tuple[Parcel, ...]:
        """The parcels as they leave; `issues` are the alerts' resources by the alerts' ids."""
        mapped = self._mapped()
        if not any(parcel.destination in mapped for parcel in parcels):
            return tuple(parcels)
        return tuple(self._said(connection, parcel, mapped.get(parcel.destination), issues, now) for parcel in parcels)

    def _said(self, connection: Connection, parcel: Parcel, mapping: Any, issues: Mapping[str, JSON], now: datetime) -> Parcel:
        issue = issues.get(str(msgspec.json.decode(parcel.body)["id"])) if mapping is not None else None
        if issue is None:
            return parcel
        named = [name.partition("/")[::2] for name in dict.fromkeys(_references(issue))]
        known = [issue, *self._store.bodies(connection, named).values()]
        [scope] = [one for one in _format().focus(known, "DetectedIssue") if one.value is issue]
        made = mapping.write(scope, now, sha256(parcel.idem.encode()).hexdigest()[:NUMBER].upper())
        if isinstance(made, tuple):  # it is sent as it is, refused, and kept with the reason: never silently left out
            log("a notice could not be mapped", "error", destination=parcel.destination, code=made[0].code)
            return parcel
        return replace(parcel, body=made, content_type=MEDIA)


def _format() -> Any:
    return formats()["fhir"]


def _references(value: Any) -> Iterator[str]:
    """Every reference to a resource of the store in a resource."""
    if isinstance(value, dict):
        for name, part in value.items():
            if name == "reference" and isinstance(part, str) and part.count("/") == 1:
                yield part
            else:
                yield from _references(part)
    elif isinstance(value, list):
        for part in value:
            yield from _references(part)
