"""Whatever way a search takes, its pages hold exactly what matches, in order: told by an oracle that knows no index."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest

from engine.types import Put
from fhir.rest.server import answered
from fhir.search import plan
from fhir.search.find import Page, find
from fhir.search.query import Query, read
from fhir.store import FhirStore
from tests.integration.fhir.calls import observation

BEGIN = datetime(2026, 3, 1, tzinfo=UTC)
WRITTEN = datetime(2026, 6, 1, tzinfo=UTC)
Row = dict[str, Any]


def made(number: int, chance: random.Random) -> Row:
    """What the oracle knows of one Observation; without a date, of an instant, or of a time that lasts up to forty days."""
    low = BEGIN + timedelta(hours=chance.randrange(24 * 60)) if number % 7 else None
    lasts = timedelta(hours=chance.choice((0, 0, 5, 24 * 3, 24 * 40)))
    code = "rare" if number % 90 == 5 else "seldom" if number % 12 == 5 else "usual"
    status = "amended" if number % 9 == 2 else "final"
    return {"id": f"o{number}", "low": low, "high": low and low + lasts, "code": code, "status": status, "batch": number // 20}


def resource(row: Row) -> dict[str, Any]:
    """The Observation itself."""
    when = {}
    if row["low"] is not None:
        start = row["low"].isoformat()
        when = (
            {"effectivePeriod": {"start": start, "end": row["high"].isoformat()}}
            if row["high"] > row["low"]
            else {"effectiveDateTime": start}
        )
    coding = {"coding": [{"system": "urn:c", "code": row["code"]}]}
    return {**observation(id=row["id"], status=row["status"]), "code": coding, **when}


@pytest.fixture
def kept(database: str, monkeypatch: pytest.MonkeyPatch) -> tuple[str, list[Row]]:
    """A store of 240 Observations whose numbers lie far apart, so that they fill many stretches; walks end after four rows."""
    monkeypatch.setattr(plan, "WALK", 4)
    chance = random.Random(5)
    rows = [made(number, chance) for number in range(240)]
    with psycopg.connect(database) as connection:
        for at in range(0, 240, 20):
            FhirStore().write(connection, [Put(resource(row)) for row in rows[at : at + 20]], WRITTEN + timedelta(hours=at // 20))
        connection.execute("update fhir.resource set num = num * 1500")
        nums = dict(connection.execute("select id, num from fhir.resource").fetchall())
    return database, [{**row, "num": nums[row["id"]]} for row in rows]


def day(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def by_number(row: Row) -> Any:
    return -row["num"]


def latest(row: Row) -> Any:
    return (row["low"] is None, -(row["low"] or BEGIN).timestamp(), -row["num"])


def earliest(row: Row) -> Any:
    return (row["low"] is None, (row["low"] or BEGIN).timestamp(), row["num"])


SECOND = timedelta(seconds=1)
CASES: list[tuple[str, Any, Any]] = [
    ("code=usual", lambda r: r["code"] == "usual", by_number),
    ("code=urn:c|seldom", lambda r: r["code"] == "seldom", by_number),
    ("code=rare", lambda r: r["code"] == "rare", by_number),
    ("code=none", lambda r: False, by_number),
    ("code=rare,seldom", lambda r: r["code"] != "usual", by_number),
    ("code=seldom&status=amended", lambda r: r["code"] == "seldom" and r["status"] == "amended", by_number),
    ("status=amended", lambda r: r["status"] == "amended", by_number),
    ("status=final", lambda r: r["status"] == "final", by_number),
    ("date=ge2026-04-10", lambda r: r["low"] and r["high"] + SECOND > day("2026-04-10"), latest),
    (
        "date=ge2026-04-10&date=lt2026-04-20&code=seldom",
        lambda r: r["low"] and r["high"] + SECOND > day("2026-04-10") and r["low"] < day("2026-04-20") and r["code"] == "seldom",
        latest,
    ),
    ("date=lt2026-03-20&code=usual", lambda r: r["low"] and r["low"] < day("2026-03-20") and r["code"] == "usual", latest),
    (
        "date=2026-04&code=usual",
        lambda r: r["low"] and r["low"] >= day("2026-04-01") and r["high"] < day("2026-05-01") and r["code"] == "usual",
        latest,
    ),
    ("date=2026-04&_sort=date", lambda r: r["low"] and r["low"] >= day("2026-04-01") and r["high"] < day("2026-05-01"), earliest),
    ("code=seldom&_sort=-date", lambda r: r["code"] == "seldom", latest),
    (
        "date=ge2026-04-10&code=seldom&_sort=date",
        lambda r: r["low"] and r["high"] + SECOND > day("2026-04-10") and r["code"] == "seldom",
        earliest,
    ),
    ("_lastUpdated=lt2026-06-01T06:00:00Z&code=seldom", lambda r: r["batch"] < 6 and r["code"] == "seldom", by_number),
    ("_lastUpdated=ge2026-06-01T10:00:00Z", lambda r: r["batch"] >= 10, by_number),
    ("code=seldom&_sort=-_lastUpdated", lambda r: r["code"] == "seldom", by_number),
    ("code=seldom&_sort=_lastUpdated", lambda r: r["code"] == "seldom", lambda r: r["num"]),
]


@pytest.mark.parametrize("count", [3, 50])
def test_pages_hold_what_matches_in_order(kept: tuple[str, list[Row]], count: int) -> None:
    dsn, rows = kept
    wrong = {}
    with psycopg.connect(dsn, autocommit=True) as connection:
        for asked, matches, order in CASES:
            wanted = [row["id"] for row in sorted((row for row in rows if matches(row)), key=order)]
            found = paged(connection, [*[tuple(part.split("=", 1)) for part in asked.split("&")], ("_count", str(count))])
            if found != wanted:
                wrong[asked] = found, wanted
    assert wrong == {}


def paged(connection: Any, pairs: list[Any]) -> list[str]:
    """The ids on all pages of a search."""
    found: list[str] = []
    following = ""
    while following or not found:
        query = read("Observation", [*pairs, *([("_page", following)] if following else [])])
        assert isinstance(query, Query)
        page = answered(connection, find(query))
        assert isinstance(page, Page), page
        found += [one.id for one in page.matches]
        following = page.next
        if not following:
            break
    return found
