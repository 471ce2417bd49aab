"""The FHIR R4 REST API below /fhir/R4 (entry point `isthmus.routes`)."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from engine.fault import Fault, Kind
from engine.types import Site
from fhir.rest.answer import refused, response
from fhir.rest.call import Call, pairs
from fhir.rest.committer import Committer
from fhir.rest.dispatch import dispatch
from fhir.rest.server import Server

PREFIX = "/fhir/R4"
METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"]
HOST = re.compile(r"[A-Za-z0-9.\-]{1,253}(?::[0-9]{1,5})?|\[[0-9A-Fa-f:.]{2,45}\](?::[0-9]{1,5})?")
JSON_MEDIA = ("", "application/json", "application/fhir+json", "application/json-patch+json", "application/merge-patch+json",
              "text/json", "application/json+fhir", "application/octet-stream")  # fmt: skip
FORM = "application/x-www-form-urlencoded"
ACCEPTED = re.compile(r"\*/\*|application/\*|application/(?:fhir\+)?json|text/json|application/json\+fhir", re.IGNORECASE)


def routes(site: Site) -> APIRouter:
    """The routes as raw handlers: no model is built of a request or an answer."""
    committer = Committer(getattr(site.pool, "conninfo", ""), site.now)
    server = Server(site.pool, committer, site.now, site.new_id, PREFIX)

    @asynccontextmanager
    async def lifespan(_: object) -> AsyncIterator[None]:
        yield
        await asyncio.to_thread(committer.stop)

    router = APIRouter(lifespan=lifespan)

    async def handle(request: Request) -> Response:
        call = await called(request, str(site.settings.get("base_url", "")))
        answer = refused(call) if isinstance(call, Fault) else await dispatch(server, call)
        found = response(answer)
        if request.method == "HEAD":
            found.body = b""
        return found

    router.add_route(PREFIX, handle, methods=METHODS, include_in_schema=False)
    router.add_route(PREFIX + "/{path:path}", handle, methods=METHODS, include_in_schema=False)
    return router


async def called(request: Request, fixed: str) -> Call | Fault:
    """The request as a call, or why it is none."""
    query = pairs(request.url.query)
    if isinstance(query, Fault):
        return query
    headers = {name.lower(): value for name, value in request.headers.items()}
    base = address(request, fixed)
    path = tuple(part for part in request.path_params.get("path", "").split("/") if part)
    call = Call(request.method, path, tuple(query), headers, b"", None, base)
    wanted = dict(query).get("_format") or headers.get("accept", "")
    if wanted and not ACCEPTED.search(wanted) and wanted != "json":
        return Fault(Kind.UNSUPPORTED, "E554", "this server answers in application/fhir+json", "Accept", "accept it")
    if request.method in ("GET", "HEAD", "DELETE"):
        return call
    media = headers.get("content-type", "").partition(";")[0].strip().lower()
    body = await request.body()
    if media == FORM and path[-1:] == ("_search",):
        more = pairs(body.decode("utf-8", "replace"))
        return more if isinstance(more, Fault) else replace(call, params=(*call.params, *more))
    if (body and media not in JSON_MEDIA) or headers.get("content-encoding", "identity") != "identity":
        return Fault(
            Kind.UNSUPPORTED, "E555", "this server reads application/fhir+json, not compressed", "Content-Type", "send it so"
        )
    return replace(call, body=body)


def address(request: Request, fixed: str) -> str:
    """This server's own address: as it is configured, else as the client called it."""
    host = request.headers.get("host", "")
    return (fixed or f"{request.url.scheme}://{host if HOST.fullmatch(host) else 'localhost'}") + PREFIX
