"""The HTTP face: the plug-ins' routes, liveness, readiness and the operator's own calls.

Bodies are bounded before they are read, the access log is off (a query string may name a patient), and every answer says that its
type must not be guessed. Faults become problem details (RFC 9457) with our code, place and help.
"""

from __future__ import annotations

import hmac
from collections.abc import Awaitable, Callable
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response

from engine import __version__
from engine.bounds import Bounded
from engine.fault import Fault, Kind, Refused
from engine.log import failed
from engine.plugins import plugins
from engine.types import Site

Status = Callable[[], Awaitable[tuple[bool, dict[str, Any]]]]
Deploy = Callable[[], Awaitable[list[dict[str, Any]]]]
MAX_BODY = 64 * 1024 * 1024


def build(site: Site, status: Status, deploy: Deploy, token: str) -> Bounded:
    """The ASGI application."""
    app = FastAPI(title="Isthmus", version=__version__, docs_url=None, redoc_url=None, openapi_url="/openapi.json")
    app.add_exception_handler(Refused, _refused)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(Exception, _broken)

    @app.get("/livez", tags=["health"], summary="Is the process alive?")
    async def livez() -> dict[str, str]:
        return {"status": "alive", "version": __version__}

    @app.get("/readyz", tags=["health"], summary="Can it take traffic?")
    async def readyz() -> Response:
        ready, detail = await status()
        return JSONResponse({"status": "ready" if ready else "not ready", **detail}, 200 if ready else 503)

    @app.post("/admin/deploy", tags=["operate"], summary="Replace channels and mappings, all or nothing")
    async def deploy_(request: Request) -> Response:
        given = request.headers.get("authorization", "")
        if not hmac.compare_digest(given.encode("utf-8", "replace"), f"Bearer {token}".encode()):
            return problem(
                Fault(Kind.FORBIDDEN, "E905", "this call needs the operator's token", help="`isthmus deploy` sends it")
            )
        findings = await deploy()
        refused = any(row.get("severity", "error") == "error" for row in findings)
        return JSONResponse({"deployed": not refused, "findings": findings}, 409 if refused else 200)

    for _name, routes in sorted(plugins("routes").items()):
        app.include_router(routes(site))
    return Bounded(app, MAX_BODY)


def problem(fault: Fault) -> JSONResponse:
    """A fault as problem details."""
    body = {"type": f"urn:isthmus:fault:{fault.code}", "title": fault.text, "status": fault.kind.answer.http, **fault.as_dict()}
    return JSONResponse(body, fault.kind.answer.http, media_type="application/problem+json")


async def _refused(_request: Request, error: Exception) -> Response:
    return problem(error.fault) if isinstance(error, Refused) else await _broken(_request, error)


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
