"""OAuth 2 client credentials (RFC 6749 section 4.4): a token kept until shortly before it ends, asked for once for all who wait."""

from __future__ import annotations

import asyncio
import base64
import time
from urllib.parse import quote, urlencode

import msgspec

from adapters.safe_http import Line
from engine.fault import Fault, Kind

LONGEST = 86400.0  # seconds a token is used at most
SHORTEST = 5.0  # seconds it is used at least, so that a server giving none that last is not flooded
UNTOLD = 300.0  # seconds where the server does not say
EARLY = 0.1  # of its life, before its end
SIZE = 16 * 1024  # characters


class Tokens:
    """The token for one client."""

    def __init__(self, far: Line, path: str, client: str, secret: str, scope: str) -> None:
        self._far, self._path = far, path
        pair = f"{quote(client, safe='')}:{quote(secret, safe='')}"
        self._headers = {
            "Authorization": "Basic " + base64.b64encode(pair.encode()).decode(),
            "Content-Type": "application/x-www-form-urlencoded",
            "Accept": "application/json",
        }
        asked = {"grant_type": "client_credentials", **({"scope": scope} if scope else {})}
        self._body = urlencode(asked).encode()
        self._token, self._until = "", 0.0
        self._asking = asyncio.Lock()

    async def get(self) -> str | Fault:
        """A token that is still good for a while."""
        async with self._asking:
            if self._token and time.monotonic() < self._until:
                return self._token
            return await self._ask()

    def drop(self, token: str) -> None:
        """The server does not know this token any more."""
        if token == self._token:
            self._token = ""

    async def close(self) -> None:
        """Closes the connections."""
        await self._far.close()

    async def _ask(self) -> str | Fault:
        answer = await self._far.ask("POST", self._path, self._headers, self._body)
        if isinstance(answer, Fault):
            return answer
        if answer.status != 200:
            return self._none(f"it answered {answer.status}")
        try:
            told = msgspec.json.decode(answer.body, type=dict)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return self._none("its answer is not JSON")
        token, kind, life = told.get("access_token"), told.get("token_type"), told.get("expires_in", UNTOLD)
        if not isinstance(token, str) or not 0 < len(token) <= SIZE or not token.isascii() or not token.isprintable():
            return self._none("its answer holds no token")
        if not isinstance(kind, str) or kind.lower() != "bearer":
            return self._none("its token is no bearer token")
        try:
            seconds = min(max(float(life), 0.0), LONGEST)
        except (TypeError, ValueError, OverflowError):
            seconds = UNTOLD
        self._token, self._until = token, time.monotonic() + max(seconds * (1 - EARLY), SHORTEST)
        return token

    def _none(self, why: str) -> Fault:
        help = "see the client's id, secret and scope; it is tried again by its schedule"
        return Fault(Kind.UNAVAILABLE, "E729", f"the token endpoint gives no token: {why}", str(self._far.origin), help)
