"""The one route of all channels that listen on a path."""

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from adapters.http.receive import receive
from adapters.http.source import PREFIX
from engine.types import Site


def routes(site: Site) -> APIRouter:
    """Hands what is posted to its channel (entry point `isthmus.routes`)."""
    router = APIRouter()

    async def handle(request: Request) -> Response:
        return await receive(site, request)

    router.add_route(PREFIX + "{path:path}", handle, methods=["POST"], include_in_schema=False)
    return router
