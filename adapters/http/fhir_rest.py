"""The destination `fhir_rest`: another FHIR server, written to so that a repeated parcel changes nothing there.

`transaction` and `update` write each resource under its own deterministic id; `create` lets the server choose ids and asks it to create
only what is not there (If-None-Exist). Source: FHIR R4 section 3.1; RFC 6749 and 6750 for the token.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from adapters.http.oauth import Tokens
from adapters.http.resources import Call, creates, resources, transaction, updates
from adapters.http.webhook import idempotency_key
from adapters.http_connection import Answer
from adapters.safe_http import Line, Way, line, refusal, split
from adapters.safe_tls import Tls
from engine.fault import Fault, Kind
from engine.types import JSON, Parcel, Sender, Site
from fhir.encode import dumps, loads

MEDIA = "application/fhir+json"
_CODE = re.compile(r"[a-z-]{1,40}")


@dataclass(frozen=True, slots=True)
class FhirRest:
    """Writes to another FHIR server."""

    url: str  # the server's base, https://fhir.example.org/r4
    write: Literal["transaction", "update", "create"] = "transaction"  # all in one, a PUT each, or If-None-Exist
    identify: Mapping[str, str] = field(default_factory=dict)  # create: by type, the identifier system that tells it apart
    token: str = field(default="", repr=False)  # a fixed bearer token; write it as ${NAME}
    token_url: str = ""  # OAuth 2 client credentials instead
    client_id: str = ""  # of OAuth
    client_secret: str = field(default="", repr=False)  # of OAuth; write it as ${NAME}
    scope: str = ""  # of OAuth, such as system/*.write
    timeout: float = 30.0  # seconds for one call
    connect_timeout: float = 10.0  # seconds
    connections: int = 4  # kept at once
    allow: tuple[str, ...] = ()  # networks or addresses that may be called though they are not public
    tls: Tls | None = None  # ca, and cert and key where the server asks for them

    def check(self) -> Fault | None:
        """What is wrong with the options before anything is opened."""
        found = split(self.url)
        if isinstance(found, Fault) or "?" in found[1]:
            return found if isinstance(found, Fault) else Fault(Kind.INCORRECT, "E720", "a server's base has no query", "url")
        return None

    async def open(self, site: Site) -> Sender | Fault:
        """Checks the options; a connection is made when there is something to send."""
        wrong, found = self.check(), split(self.url)
        if wrong is not None or isinstance(found, Fault):
            return wrong or found  # type: ignore[return-value]
        if not self.token.isprintable() or not self.token.isascii():
            return Fault(Kind.INCORRECT, "E728", "a token is plain text", "token")
        way = Way(self.timeout, self.connect_timeout, self.connections, self.allow, self.tls)
        far, tokens = line(found[0], way), self._tokens(way)
        if isinstance(far, Fault) or isinstance(tokens, Fault):
            return far if isinstance(far, Fault) else tokens  # type: ignore[return-value]
        return FhirSender(self, far, found[1].rstrip("/"), tokens)

    def _tokens(self, way: Way) -> Tokens | Fault | None:
        if not self.token_url:
            return None
        if not self.client_id or not self.client_secret:
            return Fault(Kind.INCORRECT, "E728", "a token url needs a client id and secret", "client_secret", "or a fixed token")
        found = split(self.token_url, "token_url")
        if isinstance(found, Fault):
            return found
        far = line(found[0], replace(way, connections=1, answer=65536))
        return far if isinstance(far, Fault) else Tokens(far, found[1], self.client_id, self.client_secret, self.scope)


class FhirSender:
    """An open way to one server."""

    def __init__(self, options: FhirRest, far: Line, base: str, tokens: Tokens | None) -> None:
        self._options, self._far, self._base, self._tokens = options, far, base, tokens

    async def send(self, parcel: Parcel) -> JSON | Fault:
        """Writes the parcel's resources; the receipt holds status and place of each call."""
        found = resources(parcel.body)
        if isinstance(found, Fault):
            return found
        done: list[dict[str, Any]] = []
        for call in self._calls(found):
            answer = await self._ask(call, idempotency_key(parcel))
            if isinstance(answer, Fault):
                return answer
            refused = self._refused(answer, call)
            if refused is not None:
                return refused
            row = {"status": answer.status, "location": answer.headers.get("location"), "version": answer.headers.get("etag")}
            done.append({name: value[:500] if isinstance(value, str) else value for name, value in row.items() if value})
        return {"calls": done, "resources": len(found)}

    async def close(self) -> None:
        """Closes the connections."""
        await self._far.close()
        if self._tokens is not None:
            await self._tokens.close()

    def _calls(self, found: Sequence[dict[str, Any]]) -> list[Call]:
        if not found:
            return []
        if self._options.write == "update":
            return updates(found)
        if self._options.write == "create":
            return [creates(found, self._options.identify)]
        return [transaction(found, str(self._far.origin) + self._base)]

    async def _ask(self, call: Call, key: str) -> Answer | Fault:
        """The answer; a token the server does not know is asked for anew once."""
        body = dumps(call.body)
        path = f"{self._base}/{call.path}" if call.path else self._base or "/"
        headers = {"Content-Type": MEDIA, "Accept": MEDIA, "Prefer": "return=minimal", "X-Request-Id": key, **call.headers}
        for last in (False, True):
            token = await self._tokens.get() if self._tokens else self._options.token
            if isinstance(token, Fault):
                return token
            named = {"Authorization": f"Bearer {token}"} if token else {}
            answer = await self._far.ask(call.method, path, {**headers, **named}, body)
            if isinstance(answer, Fault) or answer.status != 401 or self._tokens is None or last:
                return answer
            self._tokens.drop(token)
        raise AssertionError("unreachable")

    def _refused(self, answer: Answer, call: Call) -> Fault | None:
        at = str(self._far.origin)
        refused = refusal(answer, at)
        if refused is not None:
            codes = issues(answer)
            return replace(refused, text=f"{refused.text[:-1]}: {', '.join(codes)})") if codes else refused
        media = answer.headers.get("content-type", "")
        if (answer.body and "json" not in media) or (not call.path and not answer.body):
            help = "see that the address is the server's base, and that nothing stands before it"
            return Fault(Kind.INTERRUPTED, "E730", "the answer is not a FHIR server's", at, help)
        return None


def issues(answer: Answer) -> list[str]:
    """The codes of an OperationOutcome; its texts may tell of the patient and are left out."""
    found = loads(answer.body) if answer.whole and answer.body[:1] == b"{" else None
    listed = found.get("issue") if isinstance(found, dict) else None
    codes = [one.get("code") for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []
    return list(dict.fromkeys(code for code in codes if isinstance(code, str) and _CODE.fullmatch(code)))[:5]
