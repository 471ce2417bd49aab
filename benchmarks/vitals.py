"""Vital signs at a fixed rate over MLLP, from a process of their own, until its input ends; one JSON line tells when each was due and how
long its acknowledgement took from then on, so that a stall is not left out (no coordinated omission).

    python -m benchmarks.vitals --port 2575 --rate 100 --first 0
"""

from __future__ import annotations

import argparse
import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import psycopg

from benchmarks.load import message
from benchmarks.running import ROOT, Running

SENDERS = 8  # connections, in turn
LONGEST = 300.0  # seconds
WORKED = (
    "select m.control_id, extract(epoch from e.at - m.received)::float8 from journal.message m join journal.message_event e using (id) "
    "where m.control_id = any (%s) and e.state = 'processed'"
)


@dataclass(slots=True)
class Sent:
    """What was sent: by control id, when it was due (perf_counter) and how many seconds later it was acknowledged."""

    found: dict[str, tuple[float, float]] = field(default_factory=dict)

    def between(self, began: float, ended: float) -> list[str]:
        """The control ids of those due meanwhile."""
        return [name for name, (due, _) in self.found.items() if began <= due <= ended]


@contextmanager
def sending(run: Running, rate: float, first: int) -> Iterator[Sent]:
    """Vital signs arrive meanwhile; what was sent is there afterwards."""
    command = [sys.executable, "-m", "benchmarks.vitals", "--port", str(run.port("hospital")), "--rate", str(rate)]
    with subprocess.Popen(
        [*command, "--first", str(first)], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        sent = Sent()
        assert process.stdout is not None
        process.stdout.readline()  # it has begun
        try:
            yield sent
        finally:
            told, _ = process.communicate()
            sent.found.update({name: (due, taken) for name, due, taken in json.loads(told or "[]")})


def worked(run: Running, names: list[str], patience: float = 120.0) -> list[float]:
    """How many seconds each took from its first byte to the commit of what it became."""
    until = time.monotonic() + patience
    with psycopg.connect(run.dsn, autocommit=True) as connection:
        while time.monotonic() < until:
            rows = connection.execute(WORKED, [names]).fetchall()
            if len(rows) == len(names):
                return [float(row[1]) for row in rows]
            time.sleep(0.1)
    raise SystemExit("not all vital signs were processed")


async def main(port: int, rate: float, first: int) -> list[tuple[str, float, float]]:
    """Sends until the input ends."""
    found: list[tuple[str, float, float]] = []
    ended = asyncio.Event()
    asyncio.get_running_loop().add_reader(sys.stdin, ended.set)
    lines: list[Any] = [await asyncio.open_connection("127.0.0.1", port) for _ in range(SENDERS)]
    began = time.perf_counter()
    print("begun", flush=True)

    async def one(sender: int) -> None:
        reader, writer = lines[sender]
        number = sender
        while not ended.is_set() and number < rate * LONGEST:
            due = began + number / rate
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            writer.write(message(first + number, 500))
            await reader.readuntil(b"\x1c\r")
            found.append((f"B{first + number:08d}", due, time.perf_counter() - due))
            number += SENDERS
        writer.close()

    await asyncio.gather(*(one(sender) for sender in range(SENDERS)))
    return found


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--rate", type=float, default=100.0)
    parser.add_argument("--first", type=int, default=0, help="number of the first message")
    print(json.dumps(asyncio.run(main(**vars(parser.parse_args())))))
