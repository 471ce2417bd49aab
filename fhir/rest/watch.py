"""Journals what was written over REST for the channels that watch it, inside the transaction that writes it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any
from uuid import UUID

from engine.types import Connection, Site, Written
from fhir.source import REGISTRY, Tap, arrivals
from fhir.store.sql import sql
from fhir.store.types import key_of

Results = Sequence[tuple[Any, str]]  # of each job, with this server's address as its client knows it
After = Callable[[Connection, Results], Callable[[], None] | None]


def watcher(site: Site) -> After | None:
    """The function a committer calls with its results before it commits; what that returns is called afterwards."""
    taps: list[Tap] | None = site.settings.get(REGISTRY)
    enlist = site.enlist
    if taps is None or enlist is None:
        return None

    def after(connection: Connection, results: Results) -> Callable[[], None] | None:
        if not taps:
            return None
        types = frozenset().union(*[tap.types for tap in taps])
        found = [one for result, _ in results for one in written(result)]
        changed = [one for one in found if one.type in types and one.change in ("created", "updated")]
        if not changed:
            return None
        keys = [UUID(bytes=key_of(one.type, one.id)) for one in changed]
        rows = connection.execute(sql("written"), {"keys": keys, "versions": [one.version for one in changed]}).fetchall()
        entering = [arrival for (text,) in rows for arrival in arrivals(taps, text, site)]
        return enlist(connection, entering) if entering else None

    return after


def written(result: Any) -> Iterator[Written]:
    """What a job changed, whatever form its result has: (Written, time), a transaction's entries, lists of them."""
    if isinstance(result, Written):
        if result.change != "unchanged":
            yield result
    elif isinstance(result, list | tuple):
        for one in result:
            yield from written(one)
    else:
        yield from written_of(getattr(result, "written", None))


def written_of(one: Any) -> Iterable[Written]:
    """A transaction's entry, if it wrote."""
    return written(one) if isinstance(one, Written) else ()
