"""Looking at alerts: what is open, one alert with its history, and the times that notices are held back."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from engine.alerts.sql import sql
from engine.fault import Fault, Kind
from engine.types import JSON, Connection

STATES = ("open", "raised", "acknowledged", "resolved", "all")
NONE = Fault(Kind.NOT_FOUND, "E765", "there is no open alert of this id", help="`isthmus alert list` shows them")


def alerts(connection: Connection, state: str = "open", rule: str = "", subject: str = "", limit: int = 100) -> list[JSON]:
    """Alerts, newest first, without their history; `open` are those not resolved, whether somebody has taken them on or not."""
    asked = {"state": state, "rule": rule, "subject": subject, "limit": limit}
    return _rows(connection, "alerts", asked)


def alert(connection: Connection, id: UUID) -> JSON | Fault:
    """One alert with all that happened to it."""
    rows = _rows(connection, "alert", {"id": id})
    return (
        rows[0]
        if rows
        else Fault(Kind.NOT_FOUND, "E765", "there is no alert of this id", help="`isthmus alert list --state all`")
    )


def quiet(connection: Connection, rule: str, subject: str, since: datetime, until: datetime, reason: str) -> int:
    """Holds notices back for a rule and a subject ('' for all) until a time; alerts are raised all the same. Returns its number."""
    row = connection.execute(
        "insert into alerts.quiet (rule, subject, since, until, reason) values (%s, %s, %s, %s, %s) returning id",
        [rule, subject, since, until, reason],
    ).fetchone()
    return int(row[0]) if row else 0


def quiets(connection: Connection) -> list[JSON]:
    """The times that notices are held back, now and to come."""
    return _rows(connection, "quiets", {})


def loud(connection: Connection, number: int) -> bool:
    """Ends such a time; says whether there was one."""
    ended = connection.execute("update alerts.quiet set until = now() where id = %s and until > now()", [number])
    return bool(ended.rowcount > 0)


def _rows(connection: Connection, name: str, asked: dict[str, Any]) -> list[JSON]:
    cursor = connection.execute(sql(name), asked)
    names: Sequence[str] = [column.name for column in cursor.description or ()]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
