"""Who may operate the engine over HTTP: whoever has the token of its data folder."""

from __future__ import annotations

import hmac
from collections.abc import Callable

from fastapi import Request

from engine.fault import Fault, Kind

Guard = Callable[[Request], "Fault | None"]
FORBIDDEN = Fault(
    Kind.FORBIDDEN,
    "E905",
    "this call needs the operator's token",
    help="the command line sends it; it stands in the data folder's engine.json",
)


def guard(token: str) -> Guard:
    """Refuses requests without the token; compared in constant time."""
    wanted = f"Bearer {token}".encode()

    def check(request: Request) -> Fault | None:
        given = request.headers.get("authorization", "").encode("utf-8", "replace")
        return None if hmac.compare_digest(given, wanted) else FORBIDDEN

    return check
