"""The FHIR R4 REST API below /fhir/R4 (entry point `isthmus.routes`)."""

from __future__ import annotations

import asyncio
from typing import Any

from engine.mount import Mount
from engine.types import Site
from fhir.rest.answer import Answer
from fhir.rest.asgi import Api
from fhir.rest.asgi import told as telling
from fhir.rest.audit import Auditor
from fhir.rest.call import Call
from fhir.rest.committer import Committer
from fhir.rest.dispatch import dispatch
from fhir.rest.openapi import paths
from fhir.rest.reader import Reader
from fhir.rest.server import Server
from fhir.rest.told import following
from fhir.subscribe.desk import desk
from fhir.subscribe.hub import Hub
from fhir.subscribe.keeper import Keeper
from fhir.subscribe.socket import serve

PREFIX = "/fhir/R4"


def routes(site: Site) -> Mount:
    """The API as a mount: thousands of requests a second do not go through a framework's routing."""
    committer = Committer(getattr(site.pool, "conninfo", ""), site.now, following(site))
    server = Server(site.pool, committer, site.now, site.new_id, Reader(site.pool), site, PREFIX)

    async def handle(call: Call) -> Answer:
        return await dispatch(server, call)

    keeper = Keeper(committer.dsn, desk(site))
    desk(site).attend(keeper.wake)
    if committer.dsn:
        keeper.start()

    hub = Hub(desk(site))

    async def sockets(scope: Any, receive: Any, send: Any) -> None:
        await serve(hub, scope, receive, send)

    async def stop() -> None:
        await hub.stop()
        await asyncio.to_thread(keeper.stop)
        await asyncio.to_thread(committer.stop)

    return Mount(
        PREFIX,
        Api(PREFIX, handle, str(site.settings.get("base_url", "")), Auditor(site.pool, site.now), sockets),
        telling,
        stop,
        paths(PREFIX),
    )
