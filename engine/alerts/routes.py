"""Alerts over HTTP: `GET /alerts`, and `POST /alerts/{id}/acknowledge` for whoever has the operator's token."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Any
from uuid import UUID

from fastapi import APIRouter, Query, Request

from engine.alerts import look
from engine.alerts.desk import Desk
from engine.fault import Fault, Kind, Refused
from engine.operator import Guard
from engine.types import Connection

Transaction = Callable[[], AbstractContextManager[Connection]]
BODY = {"content": {"application/json": {"schema": {"type": "object", "properties": {"by": {"type": "string"}}}}}}


def routes(desk: Desk, transaction: Transaction, now: Callable[[], datetime], guard: Guard) -> APIRouter:
    """The routes over one desk; each look has a connection of its own."""
    router = APIRouter(tags=["alerts"])

    @router.get("/alerts", summary="Alerts, newest first")
    async def alerts(
        state: str = Query("open", pattern="^(open|raised|acknowledged|resolved|all)$"),
        rule: str = Query("", max_length=200),
        subject: str = Query("", max_length=200),
        limit: int = Query(100, ge=1, le=1000),
    ) -> list[dict[str, Any]]:
        return await asyncio.to_thread(_look, lambda connection: look.alerts(connection, state, rule, subject, limit))

    @router.get("/alerts/{id}", summary="One alert with its history")
    async def alert(id: UUID) -> dict[str, Any]:
        found = await asyncio.to_thread(_look, lambda connection: look.alert(connection, id))
        if isinstance(found, Fault):
            raise Refused(found)
        return dict(found)

    @router.post("/alerts/{id}/acknowledge", summary="Take an open alert on", openapi_extra={"requestBody": BODY})
    async def acknowledge(id: UUID, request: Request) -> dict[str, Any]:
        if (refused := guard(request)) is not None:
            raise Refused(refused)
        by = await _by(request)
        if not await asyncio.to_thread(_look, lambda connection: desk.acknowledge(connection, id, by, now())):
            raise Refused(look.NONE)
        return {"acknowledged": str(id), "by": by}

    def _look(ask: Callable[[Connection], Any]) -> Any:
        with transaction() as connection:
            return ask(connection)

    return router


async def _by(request: Request) -> str:
    """Who takes it on: the body's `by`."""
    wrong = Fault(Kind.INCORRECT, "E766", "who acknowledges is not said", "by", 'send {"by": "…"}, 1 to 100 characters')
    try:
        body = await request.json()
    except ValueError:
        raise Refused(wrong) from None
    by = body.get("by") if isinstance(body, dict) else None
    if not isinstance(by, str) or not 0 < len(by.strip()) <= 100 or not by.isprintable():
        raise Refused(wrong)
    return by.strip()
