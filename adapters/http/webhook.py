"""The destination `http`: a signed POST to one address (Standard Webhooks 1.0.0: id, timestamp and HMAC-SHA256 in three headers).

The signature is over `id.timestamp.body`; the id is the same on every try and stands in `Idempotency-Key`, too.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256

from adapters.safe_http import Line, Way, line, refusal, split
from adapters.safe_tls import Tls
from engine.fault import Fault, Kind
from engine.types import JSON, Parcel, Sender, Site

KEEP = 4096  # bytes of the answer kept in the receipt
_HEADER = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}")
_OWN = {"host", "content-length", "content-type", "transfer-encoding", "connection", "idempotency-key",
        "webhook-id", "webhook-timestamp", "webhook-signature"}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Webhook:
    """Posts to one address, signed. Redirects are not followed."""

    url: str = field(repr=False)  # https://ehr.example.org/hook; it may hold a secret
    secret: str = field(default="", repr=False)  # signs: whsec_… or 16 characters and more; write it as ${NAME}
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)  # sent with each call, such as Authorization
    content_type: str = ""  # instead of the parcel's own
    timeout: float = 30.0  # seconds for the whole call
    connect_timeout: float = 10.0  # seconds
    connections: int = 4  # kept at once
    allow: tuple[str, ...] = ()  # networks or addresses that may be called though they are not public
    tls: Tls | None = None  # ca, and cert and key where the far side asks for them

    def check(self) -> Fault | None:
        """What is wrong with the options before anything is opened."""
        found = split(self.url)
        return found if isinstance(found, Fault) else None

    async def open(self, site: Site) -> Sender | Fault:
        """Checks the options; a connection is made when there is something to send."""
        found = split(self.url)
        if isinstance(found, Fault):
            return found
        key = signing_key(self.secret) if self.secret else b""
        if isinstance(key, Fault):
            return key
        for name, value in self.headers.items():
            if not _HEADER.fullmatch(name) or name.lower() in _OWN or not value.isprintable() or not value.isascii():
                return Fault(Kind.INCORRECT, "E728", "this header cannot be set", "headers", "names and values are plain text")
        way = Way(self.timeout, self.connect_timeout, self.connections, self.allow, self.tls, KEEP)
        opened = line(found[0], way)
        if isinstance(opened, Fault):
            return opened
        return WebhookSender(opened, found[1], self, key, site.now)


class WebhookSender:
    """An open way to one address."""

    def __init__(self, far: Line, path: str, options: Webhook, key: bytes, now: Callable[[], datetime]) -> None:
        self._far, self._path, self._options, self._key, self._now = far, path, options, key, now

    async def send(self, parcel: Parcel) -> JSON | Fault:
        """Posts the parcel; the receipt holds the status and the beginning of the answer."""
        id = idempotency_key(parcel)
        stamp = str(int(self._now().timestamp()))
        headers = {
            **self._options.headers,
            "Content-Type": self._options.content_type or parcel.content_type,
            "Idempotency-Key": id,
            "webhook-id": id,
            "webhook-timestamp": stamp,
        }
        if self._key:
            headers["webhook-signature"] = signature(self._key, id, stamp, parcel.body)
        answer = await self._far.ask("POST", self._path, headers, parcel.body)
        if isinstance(answer, Fault):
            return answer
        refused = refusal(answer, str(self._far.origin))
        return refused or {"status": answer.status, "answer": answer.body.decode("utf-8", "replace")}

    async def close(self) -> None:
        """Closes the connections."""
        await self._far.close()


def idempotency_key(parcel: Parcel) -> str:
    """The same for every try of a parcel, and telling nothing."""
    return sha256(parcel.idem.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def signing_key(secret: str) -> bytes | Fault:
    """The bytes of a secret: base64 behind `whsec_`, or the text itself."""
    short = Fault(Kind.INCORRECT, "E728", "the secret is too short or no base64", "secret", "whsec_ and base64, or a long text")
    if not secret.startswith("whsec_"):
        return secret.encode() if len(secret) >= 16 else short
    try:
        key = base64.b64decode(secret.removeprefix("whsec_"), validate=True)
    except (binascii.Error, ValueError):
        return short
    return key if len(key) >= 16 else short


def signature(key: bytes, id: str, stamp: str, body: bytes) -> str:
    """The header's value: version and base64 of the MAC."""
    mac = hmac.new(key, f"{id}.{stamp}.".encode() + body, sha256)
    return "v1," + base64.b64encode(mac.digest()).decode()
