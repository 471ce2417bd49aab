"""Destinations over HTTP against a real peer on loopback: see engine.deliver.conformance."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from adapters.http.fhir_rest import FhirRest
from adapters.http.webhook import Webhook
from adapters.notify.slack import Slack
from engine.deliver.conformance import CANARY, Conformance, Far
from engine.types import Parcel
from tests.conformance.http_peer import Answer, Peer, Request, as_json, peer
from tests.conformance.parcels import LOOPBACK, parcel


@dataclass
class HttpFar:
    """A peer with what it has taken."""

    peer: Peer
    destination: Any
    taken: list[str] = field(default_factory=list)

    def behave(self, how: str) -> None:
        self.peer.how = how

    def effects(self) -> list[str]:
        return self.taken


class TestWebhook(Conformance):
    plugin = Webhook

    @asynccontextmanager
    async def far(self) -> AsyncIterator[Far]:
        taken: list[str] = []

        def takes(request: Request) -> Answer:
            key = request.headers["idempotency-key"]
            if key not in taken:
                taken.append(key)
            return as_json({"taken": True})

        async with peer(takes) as one:
            yield HttpFar(one, Webhook(f"{one.url}/hook", secret="a long enough secret", timeout=0.6, allow=LOOPBACK), taken)

    def parcel(self, number: int) -> Parcel:
        return parcel(number, json.dumps({"number": number, "name": CANARY}).encode(), "application/json")


class FhirConformance(Conformance):
    plugin = FhirRest
    write = "transaction"

    @asynccontextmanager
    async def far(self) -> AsyncIterator[Far]:
        taken: list[str] = []

        def note(name: str) -> None:
            if name not in taken:
                taken.append(name)

        def takes(request: Request) -> Answer:
            body = json.loads(request.body)
            if body["resourceType"] == "Bundle":
                for entry in body["entry"]:
                    note(entry["request"].get("ifNoneExist") or entry["request"]["url"])
                return as_json({"resourceType": "Bundle", "type": "transaction-response"}, 200, "application/fhir+json")
            note(request.headers.get("if-none-exist") or request.path)
            return 201, {"Location": f"http://127.0.0.1{request.path}/1"}, b""

        async with peer(takes) as one:
            options: Any = {"write": self.write, "timeout": 0.6, "allow": LOOPBACK}
            yield HttpFar(one, FhirRest(f"{one.url}/r4/", **options), taken)

    def parcel(self, number: int) -> Parcel:
        body = {"resourceType": "Patient", "id": f"p{number}", "name": [{"family": CANARY}]}
        return parcel(number, json.dumps(body).encode(), "application/fhir+json")


class TestFhirTransaction(FhirConformance):
    pass


class TestFhirUpdate(FhirConformance):
    write = "update"


class TestFhirCreate(FhirConformance):
    write = "create"


class TestSlack(Conformance):
    plugin = Slack
    keyed = False

    @asynccontextmanager
    async def far(self) -> AsyncIterator[Far]:
        taken: list[str] = []

        def takes(request: Request) -> Answer:
            taken.append(json.loads(request.body)["text"])
            return 200, {}, b"ok"

        async with peer(takes) as one:
            text = "{title} {message}"
            yield HttpFar(one, Slack(f"{one.url}/services/T0/B0/secret", text, timeout=0.6, allow=LOOPBACK), taken)

    def parcel(self, number: int) -> Parcel:
        return parcel(number, json.dumps({"title": f"High {number}", "patient": CANARY}).encode(), "application/json")
