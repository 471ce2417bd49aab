"""The store as the engine asks for it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from engine.types import JSON, Connection, Origin, Put, Site, Written
from fhir.store import look
from fhir.store.access import forget
from fhir.store.origin import record
from fhir.store.write import apply


@dataclass(frozen=True, slots=True)
class FhirStore:
    """The store as the engine asks for it (entry point `isthmus.stores`). `told` is called with what was written, before the commit."""

    told: Callable[[Connection, Sequence[Written]], Any] | None = None  # called with what was written, before the commit

    def attached(self, site: Site) -> FhirStore:
        """The store of a running engine, where Subscriptions are told of what channels write."""
        from fhir.subscribe.desk import desk  # noqa: PLC0415  that room stands above this one

        return FhirStore(desk(site).written)

    def write(self, connection: Connection, puts: Sequence[Put], at: datetime) -> list[Written]:
        """Writes a batch; what became of each, in order."""
        written = [one for one in apply(connection, puts, at, True) if isinstance(one, Written)]
        if self.told is not None:
            self.told(connection, written)
        return written

    def record(self, connection: Connection, origins: Sequence[Origin], at: datetime) -> None:
        """Notes which message wrote what, by which version of its channel: the Provenance that is rendered of it."""
        record(connection, origins, at)

    def forget(self, connection: Connection, before: datetime) -> int:
        """Deletes the accesses before a moment; how many there were."""
        return forget(connection, before)

    def bodies(self, connection: Connection, names: Sequence[tuple[str, str]]) -> Mapping[tuple[str, str], JSON]:
        """The current resources of these (type, id); those that are not there are left out."""
        return look.bodies(connection, names)

    def counts(self, connection: Connection) -> dict[str, int]:
        """How many resources of each type there are now."""
        return look.counts(connection)

    def since(self, connection: Connection, type: str, moment: datetime) -> Iterator[tuple[JSON, datetime]]:
        """The resources of a type that are about a time since a moment, each with when it was written."""
        return look.since(connection, type, moment)

    def newest(self, connection: Connection, type: str) -> str | None:
        """The newest resource of a type as it is served."""
        return look.newest(connection, type)
