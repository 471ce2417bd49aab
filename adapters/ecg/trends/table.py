"""Trends in the database: partitions by month, made when they are needed; the same value again changes nothing."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import psycopg

from adapters.ecg.trends.ask import Asked
from adapters.ecg.trends.point import Export, Point
from engine.fault import Fault, Kind

MOST = 200_000  # points of one answer
LOCK = 0x15748ECA
REMEMBER = """
insert into ecg.recording (id, patient, start, device, scan, digest)
values (%s, %s, %s, %s, %s, %s) on conflict (id) do nothing
"""
GIVEN = """
unnest(%(at)s::timestamp[], %(series)s::text[], %(minimum)s::numeric[], %(average)s::numeric[], %(maximum)s::numeric[],
    %(valid)s::boolean[]) as given (at, series, minimum, average, maximum, valid)
"""
INSERT = f"""
insert into ecg.trend (at, patient, recording, series, minimum, average, maximum, valid)
select at, %(patient)s, %(recording)s, series, minimum, average, maximum, valid from {GIVEN}
on conflict (at, recording, series) do nothing
"""  # noqa: S608 - no value stands in the text
REPLACE = f"""
update ecg.trend as kept
set minimum = given.minimum, average = given.average, maximum = given.maximum, valid = given.valid
from {GIVEN}
where kept.at = given.at and kept.recording = %(recording)s and kept.series = given.series
    and (kept.minimum, kept.average, kept.maximum, kept.valid)
        is distinct from (given.minimum, given.average, given.maximum, given.valid)
"""  # noqa: S608 - no value stands in the text
WHERE = """
from ecg.trend where at >= %(start)s and at < %(end)s
    and (%(patient)s::text is null or patient = %(patient)s)
    and (%(recording)s::uuid is null or recording = %(recording)s)
    and (%(series)s::text[] is null or series = any (%(series)s))
"""
RECORDINGS = f"select recording {WHERE} group by recording limit 2"
POINTS = f"select at, series, minimum, average, maximum, valid {WHERE} order by at, series limit {MOST + 1}"


async def keep(pool: Any, export: Export) -> int:
    """Writes an export in one transaction; how many of its values are new."""
    columns = list(zip(*((p.at, p.series, p.minimum, p.average, p.maximum, p.valid) for p in export.points), strict=True))
    values = dict(zip(("at", "series", "minimum", "average", "maximum", "valid"), map(list, columns), strict=True))
    async with pool.connection() as connection, connection.transaction():
        await connection.execute("select pg_advisory_xact_lock(%s)", [LOCK])
        for month in months(export.points):
            await _partition(connection, month)
        await connection.execute(REMEMBER, [export.id, export.patient, export.start, export.device, export.scan, export.digest])
        given = {**values, "patient": export.patient, "recording": export.id}
        new = await connection.execute(INSERT, given)
        if new.rowcount < len(export.points):
            await connection.execute(REPLACE, given)
        return int(new.rowcount)


async def select(pool: Any, asked: Asked) -> list[Point] | Fault:
    """The points of a window, by time and series; a Fault when they are of several recordings and none is named, or too many."""
    end = asked.start + timedelta(seconds=asked.seconds)
    given: dict[str, Any] = {"start": asked.start, "end": end, "patient": asked.patient, "recording": asked.recording}
    given |= {"series": list(asked.series) or None}
    async with pool.connection() as connection:
        several = len(await (await connection.execute(RECORDINGS, given)).fetchall()) > 1
        if several:
            help = "name the patient, or the recording by the id that its upload gave"
            return Fault(Kind.CONFLICT, "E182", "the window holds values of several recordings", "recording", help)
        rows = await (await connection.execute(POINTS, given)).fetchall()
    if len(rows) > MOST:
        return Fault(Kind.INCORRECT, "E183", f"the window holds more than {MOST} values", "duration_seconds", "ask for less")
    return [Point(*row) for row in rows]


def months(points: tuple[Point, ...]) -> Iterator[datetime]:
    """The first days of the months that the points lie in, no more than two years of them."""
    found = {point.at.replace(day=1, hour=0, minute=0, second=0, microsecond=0) for point in points}
    yield from sorted(found)[:24]


async def _partition(connection: Any, month: datetime) -> None:
    """Makes a month's partition; where its rows lie in the table for the rest already, they stay there."""
    name = f"trend_{month:%Y%m}"
    row = await (await connection.execute("select to_regclass(%s)", [f"ecg.{name}"])).fetchone()
    if row[0] is not None or month.year >= 9999:
        return
    after = (month + timedelta(days=32)).replace(day=1)
    try:
        async with connection.transaction():
            await connection.execute(
                f"create table ecg.{name} partition of ecg.trend for values from ('{month:%Y-%m-%d}') to ('{after:%Y-%m-%d}')"
            )
    except psycopg.errors.CheckViolation:
        return
