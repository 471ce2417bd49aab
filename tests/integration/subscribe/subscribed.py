"""A FHIR server with its outbox on a real database and real sockets, and endpoints that note what they are told."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx
import psycopg
import uvicorn
from psycopg_pool import AsyncConnectionPool

from adapters.http.rest_hook import route
from engine.bounds import Bounded
from engine.deliver import Couriers, Route
from engine.fault import Fault
from engine.http import MAX_BODY
from engine.journal.outbox import post
from engine.types import Put, Site
from fhir import encode
from fhir.rest import routes
from fhir.store import FhirStore

PATIENCE = 20.0


@dataclass(slots=True)
class Told:
    """One request as it came."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> dict[str, Any]:
        return encode.trusted(self.body)


@dataclass
class Endpoint:
    """A receiver on loopback; `answer` gives a status for the n-th request, or hangs until released for 0."""

    answer: Callable[[int], int] = lambda n: 200
    told: list[Told] = field(default_factory=list)
    location: str = ""
    released: threading.Event = field(default_factory=threading.Event)
    url: str = ""

    def wait(self, count: int) -> list[Told]:
        """What it was told, once that is so many."""
        wait_for(lambda: len(self.told) >= count, lambda: f"told {len(self.told)} of {count}")
        return self.told


def wait_for(holds: Callable[[], bool], why: Callable[[], str] = lambda: "it did not come to that") -> None:
    until = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < until, why()
        time.sleep(0.01)


@contextmanager
def endpoint(answer: Callable[[int], int] = lambda n: 200) -> Iterator[Endpoint]:
    """A receiver while it is needed."""
    held = Endpoint(answer)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            held.told.append(Told(self.command, self.path, dict(self.headers), body))
            status = held.answer(len(held.told))
            if status == 0:
                held.released.wait(PATIENCE)
                self.close_connection = True
                return
            self.send_response(status)
            if held.location:
                self.send_header("Location", held.location)
            self.send_header("Content-Length", "0")
            self.end_headers()

        do_PUT = do_POST

        def log_message(self, format: str, *args: Any) -> None:
            return None

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    held.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield held
    finally:
        held.released.set()
        server.shutdown()
        server.server_close()


@dataclass
class Served:
    """A running server."""

    url: str
    api: httpx.Client
    site: Site
    database: str

    def store(self, *bodies: dict[str, Any]) -> None:
        """Writes as a channel does: through the store, in a transaction of its own."""
        with psycopg.connect(self.database) as connection:
            FhirStore().attached(self.site).write(connection, [Put(body) for body in bodies], datetime.now(UTC))

    def read(self, name: str) -> dict[str, Any]:
        return encode.trusted(self.api.get(name).content)

    def becomes(self, name: str, status: str) -> dict[str, Any]:
        """The Subscription once it has this status."""
        wait_for(lambda: self.read(name)["status"] == status, lambda: f"{name} is {self.read(name)['status']}, not {status}")
        return self.read(name)


@contextmanager
def served(database: str, hosts: tuple[str, ...] = (), retry: str = "every 50ms, for 300ms", **settings: Any) -> Iterator[Served]:
    """A server that may tell these hosts."""
    ready, ending = threading.Event(), threading.Event()
    found: dict[str, Any] = {}

    async def main() -> None:
        pool = AsyncConnectionPool(database, min_size=1, max_size=4, open=False, kwargs={"autocommit": True})
        await pool.open(wait=True)
        couriers: list[Couriers] = []

        def queue(connection: Any, parcels: Any) -> Callable[[], None]:
            post(connection, [(None, one) for one in parcels])
            return couriers[0].wake

        values = {"subscription_hosts": hosts, "subscription_retry": retry, **settings}
        site = Site({}, {}, values, lambda: datetime.now(UTC), uuid.uuid4, pool, post=queue)
        way = route(site)
        assert isinstance(way, Route), way
        couriers.append(Couriers(database, site))
        await couriers[0].start([way])
        mount = routes(site)
        assert mount.stop is not None
        listener = socket.socket()
        listener.bind(("127.0.0.1", 0))
        listener.listen(64)
        app = Bounded(mount.asgi, MAX_BODY, mount.told)  # type: ignore[arg-type]
        server = uvicorn.Server(uvicorn.Config(app, log_level="error", access_log=False, lifespan="off"))
        serving = asyncio.create_task(server.serve([listener]))
        found.update(site=site, url=f"http://127.0.0.1:{listener.getsockname()[1]}/fhir/R4")
        ready.set()
        await asyncio.to_thread(ending.wait)
        server.should_exit = True
        await serving
        await couriers[0].stop(1)
        await mount.stop()
        await pool.close()

    thread = threading.Thread(target=lambda: asyncio.run(main()), daemon=True)
    thread.start()
    assert ready.wait(PATIENCE)
    try:
        with httpx.Client(base_url=f"{found['url']}/", timeout=30) as api:
            yield Served(found["url"], api, found["site"], database)
    finally:
        ending.set()
        thread.join(PATIENCE)


def subscription(endpoint: str, criteria: str = "Observation?code=718-7", **channel: Any) -> dict[str, Any]:
    """An R4 Subscription by rest-hook."""
    return {
        "resourceType": "Subscription",
        "status": "requested",
        "reason": "a test",
        "criteria": criteria,
        "channel": {"type": "rest-hook", "endpoint": endpoint, **channel},
    }


def observation(code: str = "718-7", patient: str = "p1", **extra: Any) -> dict[str, Any]:
    return {
        "resourceType": "Observation",
        "status": "final",
        "code": {"coding": [{"system": "http://loinc.org", "code": code}]},
        "subject": {"reference": f"Patient/{patient}"},
        **extra,
    }


def codes(response: httpx.Response) -> list[str]:
    """The codes of an OperationOutcome."""
    return [issue["details"]["coding"][0]["code"] for issue in response.json()["issue"]]


__all__ = ["Endpoint", "Fault", "Served", "codes", "endpoint", "observation", "served", "subscription", "wait_for"]
