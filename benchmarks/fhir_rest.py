"""How many FHIR requests a second are answered, and how long one takes.

    python benchmarks/fhir_rest.py [--stored 100000] [--connections 1 8 32] [--seconds 3]
    python benchmarks/fhir_rest.py --flat [10000 100000 1000000]

Create, read, update, search of a page of 20 by patient and code, and transactions of 20, against a real engine whose store holds
so many Observations; every answer's status is checked. `--flat` shows instead how long searches take at growing sizes: the median,
and the processor time of engine and database, of one request at a time. Loopback only, bounded by seconds.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import time
from collections.abc import Callable
from urllib.parse import urlsplit

from observations import CODES, EACH, RARE, SELDOM, fill, observation, text
from running import Running, engine

Make = Callable[[int], tuple[str, str, bytes, int]]  # number -> method, path, body, expected status


def request(method: str, path: str, body: bytes, host: str) -> bytes:
    """One HTTP/1.1 request as bytes."""
    head = f"{method} /fhir/R4/{path} HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/fhir+json\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


class Client(asyncio.Protocol):
    """Sends the next request when the last one was answered."""

    def __init__(self, load: Load) -> None:
        self.load, self.buffer, self.need = load, b"", -1

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport: asyncio.Transport = transport  # type: ignore[assignment]
        self.send()

    def send(self) -> None:
        if time.perf_counter() >= self.load.until:
            self.load.closed()
            self.transport.close()
            return
        self.load.number += 1
        method, path, body, self.status = self.load.make(self.load.number)
        self.buffer, self.need = b"", -1
        self.sent = time.perf_counter()
        self.transport.write(request(method, path, body, self.load.host))

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        if self.need < 0:
            head, mark, _ = self.buffer.partition(b"\r\n\r\n")
            if not mark:
                return
            length = head.lower().partition(b"content-length: ")[2].partition(b"\r")[0]
            self.need = len(head) + 4 + int(length or 0)
        if len(self.buffer) >= self.need:
            self.load.latencies.append(time.perf_counter() - self.sent)
            if int(self.buffer[9:12]) != self.status:
                self.load.wrong += 1
                self.load.last = self.buffer[:600]
            self.send()


class Load:
    """One run: so many connections for so many seconds."""

    def __init__(self, host: str, make: Make, connections: int, seconds: float, number: int) -> None:
        self.host, self.make, self.open, self.number = host, make, connections, number
        self.until = time.perf_counter() + seconds
        self.latencies: list[float] = []
        self.wrong, self.last = 0, b""
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def closed(self) -> None:
        self.open -= 1
        if not self.open:
            self.done.set_result(None)


async def load(http: str, make: Make, connections: int, seconds: float, number: int) -> Load:
    """Runs it."""
    place = urlsplit(http)
    run = Load(place.netloc, make, connections, seconds, number)
    loop = asyncio.get_running_loop()
    for _ in range(connections):
        await loop.create_connection(lambda: Client(run), place.hostname, place.port)
    await asyncio.wait_for(run.done, seconds + 60)
    return run


def kinds(stored: int) -> dict[str, Make]:
    """What is measured, by name."""
    chosen = random.Random(7)

    def create(number: int) -> tuple[str, str, bytes, int]:
        return "POST", "Observation", text(number), 201

    def read(_: int) -> tuple[str, str, bytes, int]:
        return "GET", f"Observation/o{chosen.randrange(stored)}", b"", 200

    def update(number: int) -> tuple[str, str, bytes, int]:
        body = {**observation(chosen.randrange(stored)), "note": [{"text": f"note {number}"}]}
        return "PUT", f"Observation/{body['id']}", json.dumps(body).encode(), 200

    def search(_: int) -> tuple[str, str, bytes, int]:
        patient, code = chosen.randrange(max(1, stored // EACH)), CODES[chosen.randrange(10)]
        return "GET", f"Observation?patient=p{patient}&code=http://loinc.org|{code}&_count=20", b"", 200

    def transaction(number: int) -> tuple[str, str, bytes, int]:
        entries = [
            {"resource": {**observation(number * 20 + n), "id": f"t{number}-{n}"}, "request": {"method": "POST", "url": "Observation"}}
            for n in range(20)
        ]  # fmt: skip
        return "POST", "", json.dumps({"resourceType": "Bundle", "type": "transaction", "entry": entries}).encode(), 200

    return {"read": read, "search of 20": search, "create": create, "update": update, "transaction of 20": transaction}


def measure(run: Running, name: str, make: Make, connections: int, seconds: float, number: int) -> int:
    """One line of the table; the next number."""
    cpu, database = run.cpu(), run.database_cpu()
    found = asyncio.run(load(run.http, make, connections, seconds, number))
    if found.wrong or not found.latencies:
        raise SystemExit(f"{found.wrong} of {len(found.latencies)} answers to {name} were wrong: {found.last!r}")
    ordered = sorted(found.latencies)
    rate = len(ordered) / seconds
    p50, p99 = (ordered[min(len(ordered) - 1, int(len(ordered) * share))] * 1000 for share in (0.5, 0.99))
    print(
        f"{name:18} {connections:3} connections {rate:8.0f}/s  p50 {p50:7.2f}  p99 {p99:7.2f} ms  "
        f"CPU each: engine {(run.cpu() - cpu) / len(ordered) * 1000:5.2f}, "
        f"database {(run.database_cpu() - database) / len(ordered) * 1000:5.2f} ms",
        flush=True,
    )
    return found.number


SEARCHES = {
    "a patient and a code": "patient=p7&code=http://loinc.org|2951-2",
    "a usual code (10 %)": f"code=http://loinc.org|{CODES[0]}",
    "a seldom code (0.5 %)": f"code=http://loinc.org|{SELDOM}",
    "a rare code (0.02 %)": f"code=http://loinc.org|{RARE}",
    "a day and a usual code": f"date=2026-03-10&code={CODES[0]}",
    "days and a seldom code": f"date=ge2026-03-05&date=lt2026-03-12&code={SELDOM}",
    "a seldom code, by date": f"code={SELDOM}&_sort=-date",
    "a usual category": "category=laboratory",
    "a seldom category": "category=exam",
    "both: seldom and usual": f"category=exam&code={CODES[1]}",
    "_lastUpdated": "_lastUpdated=lt2100-01-01",
    "_lastUpdated and code": f"_lastUpdated=gt2020-01-01&code={SELDOM}",
    "an identifier": "identifier=urn:bench|n77",
    "nothing there": "code=none",
}


def flat(run: Running, sizes: list[int]) -> None:
    """How long each search takes as the store grows."""
    held, table = 0, dict.fromkeys(SEARCHES, "")
    for size in sizes:
        fill(run.dsn, held, size)
        held = size
        for name, query in SEARCHES.items():
            asyncio.run(load(run.http, asking(query), 1, 0.2, 0))  # once, to warm up
            cpu = run.cpu() + run.database_cpu()
            found = asyncio.run(load(run.http, asking(query), 1, 1.0, 0))
            if found.wrong or not found.latencies:
                raise SystemExit(f"the search by {name} was answered wrongly: {found.last!r}")
            spent = (run.cpu() + run.database_cpu() - cpu) / len(found.latencies) * 1000
            table[name] += f"{sorted(found.latencies)[len(found.latencies) // 2] * 1000:9.2f} ({spent:5.2f})"
    print(
        f"{'ms: median (processor)':25}" + "".join(f"{size:17,}" for size in sizes) + f"   load average {os.getloadavg()[0]:.1f}"
    )
    for name, row in table.items():
        print(f"{name:25}{row}")


def asking(query: str) -> Make:
    """Always the same search of a page of 20."""
    return lambda _: ("GET", f"Observation?{query}&_count=20", b"", 200)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--stored", type=int, default=100_000)
    parser.add_argument("--connections", type=int, nargs="+", default=[1, 8, 32])
    parser.add_argument("--seconds", type=float, default=3)
    parser.add_argument("--flat", type=int, nargs="*", help="sizes at which searches are measured [10000 100000 1000000]")
    given = parser.parse_args()
    with engine("--log-level", "warning") as run:
        if given.flat is not None:
            flat(run, given.flat or [10_000, 100_000, 1_000_000])
            return
        fill(run.dsn, 0, given.stored)
        print(f"{given.stored} Observations stored; load average {os.getloadavg()[0]:.1f}")
        number = given.stored
        for name, make in kinds(given.stored).items():
            for connections in given.connections:
                number = measure(run, name, make, connections, given.seconds, number)


if __name__ == "__main__":
    main()
