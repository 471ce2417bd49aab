"""A load generator for MLLP in a process of its own: N connections, each sends a distinct message and waits for its ACK.

Prints one JSON line: acknowledged, when it began by the machine's monotonic clock, seconds, latencies in ms. Bounded by a number of
messages; only loopback is ever a target.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import time

HEAD = "MSH|^~\\&|BENCH|SITE|ISTHMUS|SITE|20260302120000+0000||ORU^R01^ORU_R01|{id}|P|2.5.1\r"
PID = "PID|1||{mrn}^^^SITE^MR||Bench^Patient{mrn}||19600101|F\r"
OBR = "OBR|1||{id}^LAB|24323-8^Comprehensive metabolic panel^LN|||20260302115500+0000|||||||||D1^Osler^Wilma|||||||||F\r"
ANALYTES = (  # code, unit, from, to, of which the usual span is the middle: sodium 130 to 150 and so on
    ("2951-2", "mmol/L", "125.0", "155.0"),
    ("2823-3", "mmol/L", "3.00", "5.90"),
    ("2075-0", "mmol/L", "90.0", "115.0"),
    ("2028-9", "mmol/L", "18.0", "32.0"),
    ("3094-0", "mg/dL", "5.0", "42.0"),
    ("2160-0", "mg/dL", "0.40", "4.20"),
    ("2345-7", "mg/dL", "50.0", "310.0"),
    ("17861-6", "mg/dL", "7.50", "11.50"),
    ("718-7", "g/dL", "7.0", "17.5"),
    ("6690-2", "10*3/uL", "2.00", "18.00"),
)
OBX = "OBX|{n}|NM|{code}^Analyte {n}^LN||{value}|{unit}^^UCUM|{low}-{high}|N|||F|||20260302115500+0000\r"
CRITICAL = 100  # one message of so many holds a potassium that alerts


def reading(number: int, n: int) -> str:
    """A value of the n-th analyte, between its ends, other in each message."""
    low, high = ANALYTES[n - 1][2:]
    if n == 2 and number % CRITICAL == 0:
        return "6.80"
    digits = len(low.partition(".")[2])
    first, last = int(low.replace(".", "")), int(high.replace(".", ""))
    whole = first + (number * 7919 + n * 104729) % (last - first + 1)
    return f"{whole / 10**digits:.{digits}f}"


def message(number: int, patients: int) -> bytes:
    """One ORU^R01 of ten results, different from every other."""
    name, mrn = f"B{number:08d}", f"{1000000 + number % patients}"
    lines = [HEAD.format(id=name), PID.format(mrn=mrn), OBR.format(id=name)]
    for n, (code, unit, low, high) in enumerate(ANALYTES, 1):
        lines.append(OBX.format(n=n, code=code, value=reading(number, n), unit=unit, low=low, high=high))
    return b"\x0b" + "".join(lines).encode() + b"\x1c\r"


class Connection(asyncio.Protocol):
    """Sends the next message when the last one was acknowledged."""

    def __init__(self, run: Run) -> None:
        self.run, self.buffer = run, b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        self.next()

    def next(self) -> None:
        number = self.run.take()
        if number is None:
            self.transport.close()
            return
        self.sent = time.perf_counter()
        self.transport.write(self.run.messages[number])

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        if self.buffer.endswith(b"\x1c\r"):
            self.run.latencies.append(time.perf_counter() - self.sent)
            self.run.accepted += b"MSA|AA|" in self.buffer or b"MSA|CA|" in self.buffer
            self.buffer = b""
            self.next()

    def connection_lost(self, error: Exception | None) -> None:
        self.run.closed()


class Run:
    """One run's messages and measurements."""

    def __init__(self, messages: list[bytes], connections: int) -> None:
        self.messages, self.open, self.position = messages, connections, 0
        self.latencies: list[float] = []
        self.accepted = 0
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def take(self) -> int | None:
        if self.position >= len(self.messages):
            return None
        self.position += 1
        return self.position - 1

    def closed(self) -> None:
        self.open -= 1
        if not self.open and not self.done.done():
            self.done.set_result(None)


async def main(port: int, connections: int, count: int, patients: int, first: int) -> None:
    run = Run([message(first + n, patients) for n in range(count)], connections)
    loop = asyncio.get_running_loop()
    began = time.perf_counter()
    for _ in range(connections):
        await loop.create_connection(lambda: Connection(run), "127.0.0.1", port)
    await asyncio.wait_for(run.done, 300)
    seconds = time.perf_counter() - began
    ordered = sorted(run.latencies)

    def at(share: float) -> float:
        return round(ordered[min(len(ordered) - 1, int(len(ordered) * share))] * 1000, 2)

    print(
        json.dumps(
            {"sent": count, "accepted": run.accepted, "began": began, "seconds": seconds}
            | {"p50": at(0.5), "p95": at(0.95), "p99": at(0.99)}
        )
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    for name, value in (("port", 2575), ("connections", 32), ("count", 20000), ("patients", 500), ("first", 0)):
        parser.add_argument(f"--{name}", type=int, default=value)
    given = parser.parse_args()
    try:
        import uvloop

        uvloop.run(main(**vars(given)))
    except ImportError:
        asyncio.run(main(**vars(given)))
