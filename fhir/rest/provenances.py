"""Provenances as they are searched: what clients have stored, and after it what is rendered of the messages that wrote, newest first.

A page of the second sort names the last number on it, which never changes. What is asked for by anything that messages do not
have (agent, entity, signatures) finds what is stored only.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from engine.fault import Fault
from fhir import encode
from fhir.rest.server import Server
from fhir.search.find import Found, Page, find, include
from fhir.search.query import RESULT, Query
from fhir.search.times import updated
from fhir.search.where import ALWAYS, NEVER, Where, every, some
from fhir.store import origin
from fhir.store.sql import sql
from fhir.store.types import CODES, uuid_of

PAGE = re.compile(rf"{origin.PREFIX}([1-9][0-9]{{0,17}})")
NAMED = re.compile(r"(?:.*/)?([A-Za-z]+)/([A-Za-z0-9\-.]{1,64})(?:/_history/[0-9]+)?")
BARE = re.compile(r"[A-Za-z0-9\-.]{1,64}")
MOST = 200  # of a page
# a row's time is that of its resources' versions, so it is found by them without an index over targets
WROTE = (
    "r.keys && %s::uuid[] and r.at in (select updated from fhir.resource where key = any(%s::uuid[])"
    " union select updated from fhir.history where key = any(%s::uuid[]))"
)
LIST = "select r.num from (select *, at as updated from fhir.origin) r where WHERE order by r.num desc limit %s"
COUNT = "select count(*) from (select *, at as updated from fhir.origin) r where WHERE"


async def searched(server: Server, query: Query, base: str, patient: str = "") -> Page | Fault:
    """A page of both sorts; `patient` where the search stands in a patient's compartment."""
    place = PAGE.fullmatch(query.page)
    page = Page()
    if place is None:
        found = await server.asked(find(query, base))
        if isinstance(found, Fault) or found.next:
            return found  # type: ignore[no-any-return]
        page = found
    asked = [*query.kept, *([("patient", patient)] if patient else [])]
    where = every([condition(*pair) for pair in asked if pair[0].partition(":")[0] not in RESULT])
    room = 0 if query.summary == "count" else min(query.count - len(page.matches), MOST)
    after = Where("r.num < %s", (int(place[1]),)) if place is not None else ALWAYS
    whole = every([where, after])
    rows = await server.rows(LIST.replace("WHERE", whole.sql), (*whole.values, room + 1)) if room else []
    nums = [row[0] for row in rows[:room]]
    made = await rendered(server, nums)
    more = len(rows) > room if room else query.summary != "count" and bool(await server.rows(*counting(whole, 1)))
    following = f"{origin.PREFIX}{nums[-1] if nums else 1 << 58}" if more else ""
    total = page.total + len(made) if page.total is not None and not more else None
    if query.summary == "count" or query.total in ("accurate", "estimate"):
        stored = page.total if page.total is not None else 0
        total = stored + int((await server.rows(COUNT.replace("WHERE", where.sql), where.values))[0][0])
    held = await server.asked(include(query.includes, made)) if query.includes and made else []
    if isinstance(held, Fault):
        return held
    return replace(page, matches=(*page.matches, *made), included=(*page.included, *held), next=following, total=total)


def counting(where: Where, most: int) -> tuple[str, tuple[Any, ...]]:
    """Whether there are any."""
    return LIST.replace("WHERE", where.sql), (*where.values, most)


async def rendered(server: Server, nums: Sequence[int]) -> list[Found]:
    """The Provenances of these numbers, in their order."""
    rows = await server.rows(sql("origins"), {"nums": list(nums), "keys": []}) if nums else []
    made = [origin.provenance(row) for row in rows]
    return [Found("Provenance", body["id"], 1, encode.dumps(body).decode()) for body in made]


def condition(key: str, text: str) -> Where:
    """One parameter as a condition on the rows of messages."""
    values = text.split(",")
    if key in ("recorded", "_lastUpdated"):
        times = [updated(value) for value in values]
        return some([one for one in times if isinstance(one, Where)])
    if key == "_id":
        nums = [int(found[1]) for value in values if (found := PAGE.fullmatch(value))]
        return Where("r.num = any(%s::bigint[])", (nums,))
    if key == "agent-type":
        codes = {value.rpartition("|")[2] for value in values}
        return ALWAYS if "assembler" in codes else Where("r.sender <> ''") if "author" in codes else NEVER
    name, _, type = key.partition(":")
    if name == "target" or key == "patient":
        kind = "Patient" if key == "patient" else type
        names = [NAMED.fullmatch(f"{kind}/{value}" if kind and BARE.fullmatch(value) else value) for value in values]
        keys = [uuid_of(one[1], one[2]) for one in names if one is not None and one[1] in CODES and kind in ("", one[1])]
        return Where(f"({WROTE})", (keys, keys, keys)) if keys else NEVER
    return NEVER
