"""Look-ups as statements of SQLAlchemy Core. Imported when something is looked up: a process that only works messages never is asked."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Select, case, func, select
from sqlalchemy.dialects import postgresql

from engine.journal.line import Connection
from engine.journal.look import FINAL, Filter
from engine.journal.schema import event, held, message

_DIALECT: Any = postgresql.dialect(paramstyle="pyformat")  # type: ignore[no-untyped-call]


def statement(wanted: Filter) -> Select[Any]:
    """The look-up as a statement, without its limit."""
    state = _state()
    columns = [message.c[name] for name in ("id", "seq", "received", "channel", "format", "type", "sender", "control_id")]
    size = func.octet_length(message.c.body)
    tail = [state.label("state"), size.label("size"), message.c.flags, func.coalesce(held.c.code, "").label("code")]
    found = select(*columns, *tail).select_from(message.outerjoin(held, held.c.id == message.c.id))
    for name in ("channel", "type", "sender", "control_id", "key"):
        if value := getattr(wanted, name):
            found = found.where(message.c[name] == value)
    if wanted.state:
        found = found.where(state == wanted.state)
    if wanted.state == "held" or wanted.code:
        found = found.where(held.c.id.is_not(None))
    if wanted.code:
        found = found.where(held.c.code == wanted.code)
    if wanted.since:
        found = found.where(message.c.received >= wanted.since)
    if wanted.until:
        found = found.where(message.c.received < wanted.until)
    if wanted.reused:
        found = found.where(message.c.flags.op("&")(1) == 1)
    if wanted.before:
        found = found.where(message.c.id < wanted.before)
    return found.order_by(message.c.id.desc())


def whole(id: UUID) -> Select[Any]:
    """One message with its bytes."""
    columns = [message.c[name] for name in ("key", "peer", "digest", "body")]
    return statement(Filter()).where(message.c.id == id).add_columns(*columns)


def history(id: UUID) -> Select[Any]:
    """What happened to a message, in order."""
    names = ("at", "state", "attempt", "plan", "faults", "resources")
    return select(*(event.c[name] for name in names)).where(event.c.id == id).order_by(*_order())


def last(id: UUID) -> Select[Any]:
    """The last thing that happened to a message."""
    names = ("state", "faults", "resources")
    return select(*(event.c[name] for name in names)).where(event.c.id == id).order_by(*(c.desc() for c in _order())).limit(1)


def totals(since: datetime | None, until: datetime | None) -> Select[Any]:
    """How many messages of each channel stand where."""
    each = select(message.c.channel, _state().label("state"))
    if since:
        each = each.where(message.c.received >= since)
    if until:
        each = each.where(message.c.received < until)
    rows = each.subquery("each")
    return select(rows.c.channel, rows.c.state, func.count()).group_by(*rows.c)


def run(connection: Connection, asked: Select[Any]) -> Sequence[tuple[Any, ...]]:
    """Runs a statement of SQLAlchemy Core on a psycopg connection."""
    made = asked.compile(dialect=_DIALECT, compile_kwargs={"render_postcompile": True})
    return connection.execute(str(made), made.params).fetchall()


def _state() -> Any:
    """Where a message stands: the last thing that happened to it, if that was final."""
    last = select(case((event.c.state.in_(FINAL), event.c.state), else_="stored")).where(event.c.id == message.c.id)
    return func.coalesce(last.order_by(*(c.desc() for c in _order())).limit(1).correlate(message).scalar_subquery(), "stored")


def _order() -> tuple[Any, Any, Any]:
    return event.c.seq, event.c.attempt, event.c.at
