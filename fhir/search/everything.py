"""All about a patient or an encounter, in pages: what is in its compartment, and whom and what that points to.

Pages follow the numbers of rows, which never change. Source: https://hl7.org/fhir/R4/patient-operation-everything.html.
"""

from __future__ import annotations

import re
from collections.abc import Generator, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from fhir.search.find import Found, Page
from fhir.search.hashing import number
from fhir.search.parameters import parameters, patient_path
from fhir.search.plan import Ask, Rows
from fhir.search.values import EARLIEST, LATEST
from fhir.search.where import OWN, Where, every, some, tokens
from fhir.store.types import CODES, NAMES, uuid_of
from fhir.tables import table

MOST = 5000  # of a page
AROUND, ROUNDS = 1000, 3  # resources beside a page, and how far away they may be
LIST = "select r.num, r.type, r.id, r.version, r.body from fhir.resource r where not r.deleted and WHERE order by r.num limit %s"
# the compartment is found by its indexes first: in the order of numbers the whole table would be walked for it
PAGED = (
    "with held as materialized (select r.key, r.num from fhir.resource r where not r.deleted and WHERE),"
    " page as (select key, num from held order by num limit %s)"
    " select r.num, r.type, r.id, r.version, r.body from page join fhir.resource r using (key) order by r.num"
)
REFERENCE = re.compile(r'"reference":"([A-Z][A-Za-z]{2,40})/([A-Za-z0-9\-.]{1,64})[/"]')


@dataclass(frozen=True, slots=True)
class Wanted:
    """What part of it: some types, written since, cared for between (microseconds), how many after which row."""

    types: tuple[str, ...] = ()
    since: datetime | None = None
    first: int | None = None
    last: int | None = None
    count: int = MOST
    page: int = -1  # the first page has the owner itself
    around: bool = True
    wheres: tuple[Where, ...] = ()


def everything(owner: str, id: str, wanted: Wanted) -> Generator[Ask, Rows, Page]:
    """A page, oldest first, the owner before all."""
    narrow = list(narrowed(wanted))
    members = {owner, "Patient", *table("compartments").get("Patient", {})}
    loose = wanted.around and not members.issuperset(wanted.types)  # what only stands beside others is found by looking at those
    if loose:
        narrow = list(narrowed(replace(wanted, types=())))
    found: list[tuple[Any, ...]] = []
    if wanted.page < 0:
        itself = every([Where("r.key = %s", (uuid_of(owner, id),), by=OWN), *narrow])
        found = list((yield Ask(LIST.replace("WHERE", itself.sql), (*itself.values, 1))))
        found = [(-1, *row[1:]) for row in found]
    others = Where("r.key <> %s", (uuid_of(owner, id),))
    where = every([inside(owner, id), others, *narrow, *dated(wanted), Where("r.num > %s", (wanted.page,))])
    found += yield Ask(PAGED.replace("WHERE", where.sql), (*where.values, wanted.count + 1 - len(found)))
    page = found[: wanted.count]
    matches = tuple(Found(NAMES[row[1]], *row[2:]) for row in page)
    included = yield from around(members, matches, list(narrowed(wanted))) if wanted.around else nothing()
    if loose:
        matches = tuple(one for one in matches if one.type in wanted.types)
    following = str(page[-1][0]) if len(found) > wanted.count else ""
    total = len(matches) if not following and wanted.page < 0 else None
    return Page(matches, tuple(included), following, total)


def nothing() -> Generator[Ask, Rows, list[Found]]:
    """Nobody and nothing beside a page."""
    return []
    yield  # a generator like its sibling


def narrowed(wanted: Wanted) -> Iterable[Where]:
    """The conditions that hold for all of it."""
    if wanted.types:
        yield Where("r.type = any(%s)", ([CODES[type] for type in wanted.types],))
    if wanted.since is not None:
        yield Where("r.updated >= %s", (wanted.since,))
    yield from wanted.wheres


def dated(wanted: Wanted) -> Iterable[Where]:
    """What is of the time asked about, or of none."""
    if wanted.first is not None or wanted.last is not None:
        last, first = LATEST if wanted.last is None else wanted.last, EARLIEST if wanted.first is None else wanted.first
        yield Where("(r.low is null or (r.low <= %s and r.high >= %s))", (last, first))


def inside(owner: str, id: str) -> Where:
    """What is in the compartment."""
    parts = [Where("r.patient = %s", (number(f"Patient/{id}"),), by=OWN)] if owner == "Patient" else []
    numbers = [
        number(f"{path.id}|{owner}/{id}")
        for type, names in table("compartments").get(owner, {}).items()
        for name in names
        if name in parameters(type)
        for path in parameters(type)[name].paths
        if owner != "Patient" or (mine := patient_path(type)) is None or mine.id != path.id
    ]
    return some([*parts, tokens(numbers)])


def around(members: set[str], matches: Sequence[Found], narrow: Sequence[Where]) -> Generator[Ask, Rows, list[Found]]:
    """Practitioners, organizations, places, medications …: what is pointed to and can be in nobody's compartment."""
    known = {(one.type, one.id) for one in matches}
    held: list[Found] = []
    fresh: Sequence[Found] = matches
    for _ in range(ROUNDS):
        names = {name for one in fresh for name in REFERENCE.findall(one.body)} - known
        keys = [uuid_of(*name) for name in sorted(names) if name[0] in CODES and name[0] not in members]
        if not keys or len(held) >= AROUND:
            break
        where = Where("r.key = any(%s)", (keys,))
        rows = yield Ask(LIST.replace("WHERE", where.sql), (*where.values, AROUND - len(held)))
        fresh = [Found(NAMES[row[1]], *row[2:]) for row in rows]
        known |= {(one.type, one.id) for one in fresh}
        held += fresh
    if not narrow or not held:
        return held
    where = every([Where("r.key = any(%s)", ([uuid_of(one.type, one.id) for one in held],)), *narrow])
    rows = yield Ask(LIST.replace("WHERE", where.sql), (*where.values, AROUND))
    return [Found(NAMES[row[1]], *row[2:]) for row in rows]
