"""The way to a page's rows: short whatever is stored, because each step looks at a bounded number of rows or of index entries.

Rows come in an order that an index has: by number (the newest first), by date, by the time of writing. A condition that many rows
meet is met soon by walking that index, and a walk ends after WALK rows. What it does not meet is seldom, so the index of tokens
holds few rows of it in the first stretch of the order, or in some more; what is seldom even there is fetched as a whole.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import dataclass, replace
from typing import Any

from fhir.search.sorting import Sort, after, indexed, ordered, upwards
from fhir.search.where import DAYS, FEW, LOOK, NUMBERS, SCAN, TOKENS, Where, every, looked, stretch
from fhir.store.types import CODES

Rows = list[tuple[Any, ...]]
WALK, FURTHER = 500, 16  # rows; so many times as many in an order that the index of tokens has no stretches of
STRETCHES = {"": (1, 8), "low": (1, 8, 64), "updated": ()}  # of NUMBERS, of DAYS
LONG = 86_400_000_000  # microseconds: what lasts longer stands in an index of its own (resource_long)
SELECT = "select r.num, r.id, r.version, r.body EXTRA from TABLE r where WHERE order by ORDER limit %s"
WALKED = SELECT.replace("TABLE r", "(select * from TABLE r where BOUND order by ORDER limit %s) r")
FIRST = "select COLUMN from TABLE r where WHERE order by COLUMN DOWN limit 1"


@dataclass(frozen=True, slots=True)
class Ask:
    """A statement whose rows are wanted."""

    sql: str
    values: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Way:
    """What is to be found: the first `most` rows of a type that meet a condition, in the order of `keys`, after the place `last`."""

    type: str
    where: Where
    keys: tuple[Sort, ...]
    last: tuple[Any, ...]
    most: int

    @property
    def bound(self) -> Where:
        """Only this type."""
        return Where("r.type = %s", (CODES[self.type],))

    @property
    def column(self) -> str:
        """The indexed column the order goes by; empty for the number."""
        return self.keys[0].column if len(self.keys) == 1 else ""


def table(type: str) -> str:
    """Where resources of a type are: AuditEvents lie beside the accesses that are rendered as such."""
    return "fhir.audit" if type == "AuditEvent" else "fhir.resource"


def implied(type: str, where: Where) -> tuple[Sort, ...]:
    """The order when nobody asks for one: by the time that is searched for, newest first, if nothing finds the rows better.

    AuditEvents always go by their time: their numbers come from several connections.
    """
    if type == "AuditEvent" and where.by < FEW and where.span is None:
        return (indexed("low", True),)
    return (indexed(where.span.column, True),) if where.span is not None and where.by < FEW else ()


def rows(way: Way) -> Generator[Ask, Rows, Rows]:
    """The rows, by as many steps as it takes."""
    if way.where.by >= FEW or (way.keys and not way.column) or (way.last and way.last[0] is None):
        return (yield whole(way))
    if not way.keys and way.where.by == SCAN:
        return (yield whole(way))
    found: Rows = []
    for arm in arms(way):
        found += yield from armed(replace(way, most=way.most - len(found)), arm)
        if len(found) == way.most:
            break
    return found


def arms(way: Way) -> Iterator[Where]:
    """The parts of the order, one after the other. What lasts long begins before all that is short and ends in the same span."""
    span = way.where.span if way.where.span is not None and way.where.span.column == way.column else None
    bounds = []
    if way.column:
        bounds.append(Where(f"r.{way.column} is not null"))
        if span is not None and span.most is not None:
            bounds.append(Where(f"r.{way.column} <= %s", (span.most,)))
        if way.last:
            sign = ">" if upwards(way.keys) else "<"
            bounds.append(Where(f"(r.{way.column}, r.num) {sign} (%s::{way.keys[0].cast}, %s)", way.last))
    elif way.last:
        bounds.append(Where("r.num < %s", way.last))
    if span is not None and span.begin is not None:
        yield every([*bounds, Where(f"r.{way.column} >= %s", (span.begin,))])
    elif span is not None and span.least is not None:
        begin = span.least - LONG
        short = every([*bounds, Where("r.low >= %s", (begin,))])
        long = every([*bounds, Where(f"r.high - r.low > {LONG} and r.high >= %s and r.low < %s", (span.least, begin))])
        yield from (long, short) if upwards(way.keys) else (short, long)
    else:
        yield every(bounds)
        if way.column == "low" and span is None:
            yield Where("r.low is null")


def armed(way: Way, arm: Where) -> Generator[Ask, Rows, Rows]:
    """The first rows of one part."""
    found: Rows = yield walk(way, arm, WALK)
    if len(found) < way.most and way.where.by == LOOK and not STRETCHES[way.column]:
        found = yield walk(way, arm, WALK * FURTHER)
    if len(found) == way.most:
        return found
    if way.where.by == LOOK and STRETCHES[way.column] and "is null" not in arm.sql:
        for held in stretches(way, (yield first(way, arm))):
            found = yield whole(replace(way, where=every([way.where, held])), arm, True)
            if len(found) == way.most:
                return found
    return (yield whole(way, arm, way.where.by != SCAN))


def first(way: Way, arm: Where) -> Ask:
    """Where a part begins."""
    sql = FIRST.replace("COLUMN", f"r.{way.column or 'num'}").replace("DOWN", "" if upwards(way.keys) else "desc")
    bound = every([way.bound, arm])
    return Ask(sql.replace("WHERE", bound.sql).replace("TABLE", table(way.type)), bound.values)


def stretches(way: Way, begin: Rows) -> Iterator[Where]:
    """Growing stretches of the order from where a part begins, as tokens."""
    if begin:
        shift, base = DAYS if way.column else NUMBERS
        head = begin[0][0] >> shift
        for size in STRETCHES[way.column]:
            yield stretch(range(head, head + size) if upwards(way.keys) else range(head - size + 1, head + 1), base)


def walk(way: Way, arm: Where, rows: int) -> Ask:
    """The first rows of a part that meet the condition; no more than `rows` are looked at."""
    order, _ = ordered(way.keys)
    bound = every([way.bound, arm])
    sql = WALKED.replace("EXTRA", f", r.{way.column}" if way.column else "").replace("BOUND", bound.sql)
    sql = sql.replace("WHERE", way.where.sql.replace(TOKENS, "r.tokens")).replace("ORDER", order.replace(" nulls last", ""))
    return Ask(sql.replace("TABLE", table(way.type)), (*bound.values, rows, *way.where.values, way.most))


def whole(way: Way, arm: Where | None = None, fetched: bool = False) -> Ask:
    """All rows, put in order; `fetched` first, by what finds them, when it is known that a walk would be long."""
    parts = [way.where] if arm is None else [way.where, arm]
    if way.last and arm is None:
        parts.append(after(way.keys, way.last))
    one = every(parts)
    order, values = ordered(way.keys)
    if fetched:
        order = order.replace("r.num", "r.num + 0").replace("r.low", "r.low + 0").replace("r.updated", "r.updated + interval '0'")
    extra = "".join(f", {key.sql}" for key in way.keys)
    sql = SELECT.replace("EXTRA", extra).replace("WHERE", looked(one)).replace("ORDER", order)
    shown = tuple(value for key in way.keys for value in key.values)
    return Ask(sql.replace("TABLE", table(way.type)), (*shown, *one.values, *values, way.most))
