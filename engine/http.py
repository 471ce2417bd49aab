"""The HTTP face: the plug-ins' routes, liveness, readiness and the operator's own calls.

Bodies are bounded before they are read, the access log is off (a query string may name a patient), and every answer says that its
type must not be guessed. Faults become problem details (RFC 9457) with our code, place and help.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from fastapi import APIRouter, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException

from engine import __version__
from engine.bounds import Bounded
from engine.bounds import problem as told
from engine.fault import Fault, Kind, Refused
from engine.log import failed
from engine.mount import Front, Mount
from engine.operator import Guard, guard
from engine.plugins import plugins
from engine.types import Site

Status = Callable[[], Awaitable[tuple[bool, dict[str, Any]]]]
Deploy = Callable[[], Awaitable[list[dict[str, Any]]]]
MAX_BODY = 64 * 1024 * 1024


def build(
    site: Site, status: Status, deploy: Deploy, token: str, more: Sequence[Callable[[Guard], APIRouter]] = ()
) -> tuple[Front, list[Mount]]:
    """The ASGI application, and the mounts to be stopped with it."""
    app = FastAPI(title="Isthmus", version=__version__, docs_url=None, redoc_url=None, openapi_url="/openapi.json")
    app.add_exception_handler(Refused, _refused)
    app.add_exception_handler(HTTPException, _unserved)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(Exception, _broken)
    check = guard(token)

    @app.get("/livez", tags=["health"], summary="Is the process alive?")
    async def livez() -> dict[str, str]:
        return {"status": "alive", "version": __version__}

    @app.get("/readyz", tags=["health"], summary="Can it take traffic?")
    async def readyz() -> Response:
        ready, detail = await status()
        return JSONResponse({"status": "ready" if ready else "not ready", **detail}, 200 if ready else 503)

    @app.post("/admin/deploy", tags=["operate"], summary="Replace channels and mappings, all or nothing")
    async def deploy_(request: Request) -> Response:
        if (refused_ := check(request)) is not None:
            return problem(refused_)
        findings = await deploy()
        refused = any(row.get("severity", "error") == "error" for row in findings)
        return JSONResponse({"deployed": not refused, "findings": findings}, 409 if refused else 200)

    for make in more:
        app.include_router(make(check))
    mounts: list[Mount] = []
    for _name, routes in sorted(plugins("routes").items()):
        made = routes(site)
        if isinstance(made, Mount):
            mounts.append(made)
        else:
            app.include_router(made)
    _describe(app, mounts)
    bounded = [(mount.prefix, Bounded(mount.asgi, MAX_BODY, mount.told or told)) for mount in mounts]
    return Front(Bounded(app, MAX_BODY), bounded), mounts


def _describe(app: FastAPI, mounts: list[Mount]) -> None:
    """The mounts' paths in /openapi.json."""
    described = app.openapi

    def openapi() -> dict[str, Any]:
        found = described()
        for mount in mounts:
            found["paths"].update(mount.paths)
        return found

    app.openapi = openapi  # type: ignore[method-assign]


def problem(fault: Fault) -> Response:
    """A fault as problem details."""
    media, body = told(fault.kind.answer.http, fault)
    return Response(body, fault.kind.answer.http, media_type=media.decode())


async def _refused(_request: Request, error: Exception) -> Response:
    return problem(error.fault) if isinstance(error, Refused) else await _broken(_request, error)


async def _unserved(request: Request, error: Exception) -> Response:
    """An address or a method that is not served: problem details, as everywhere."""
    status = error.status_code if isinstance(error, HTTPException) else 500
    if status == 404 and request.url.path.startswith("/ws/"):
        return problem(Fault(Kind.NOT_FOUND, "E902", "a WebSocket may be here, but no page", help="connect by ws:// or wss://"))
    text = {404: "there is nothing at this address", 405: f"{request.method} is not served at this address"}.get(status)
    fault = Fault(Kind.NOT_FOUND, "E902", text or "the request is not served", help="/openapi.json lists what is")
    media, body = told(status, fault)
    return Response(body, status, getattr(error, "headers", None), media.decode())


async def _invalid(_request: Request, error: Exception) -> Response:
    first = error.errors()[0] if isinstance(error, RequestValidationError) and error.errors() else {}
    at = ".".join(str(part) for part in first.get("loc", ()))
    return problem(
        Fault(Kind.INCORRECT, "E904", str(first.get("msg", "the request does not fit this call")), at, "see /openapi.json")
    )


async def _broken(_request: Request, error: Exception) -> Response:
    failed("a request failed", error)
    return problem(
        Fault(Kind.FAULT, "E903", "the request failed inside the engine", help="its log names the place; the data is unharmed")
    )
