"""What the journal alone costs: accept, claim and settle at N connections, and the bytes it takes on disk.

python benchmarks/journal.py --messages 20000 --connections 32
"""

from __future__ import annotations

import argparse
import asyncio
import os
import resource
import shutil
import statistics
import tempfile
import threading
import time
from datetime import UTC, datetime
from pathlib import Path

import psycopg

from engine.fault import Fault
from engine.journal import Committer, Journal, Settlement
from engine.migrate import migrate
from engine.postgres import start
from engine.types import Arrival, Envelope, Receipt, State
from engine.uuid7 import uuid7

SIZE = (
    "select sum(pg_total_relation_size(oid)) from pg_class"
    " where relnamespace = 'journal'::regnamespace and relkind in ('r', 'm') "
)


def body(n: int) -> bytes:
    """About 1.1 kB, each different."""
    lines = [f"MSH|^~\\&|LAB|A|EHR|B|20260101||ORU^R01|{n}|P|2.5.1"] + [
        f"OBX|{i}|NM|{i}^Test {i} {n}^LN||{n * 7 % 1000}.{i}|mmol/L|1-10|N|||F|||20260101120000||{os.urandom(8).hex()}"
        for i in range(10)
    ]
    return "\r".join(lines).encode()


def work(journal: Journal, ended: threading.Event) -> None:
    names = tuple(f"Observation/{uuid7()}" for _ in range(10)) + tuple(f"{t}/{uuid7()}" for t in ("Patient", "DiagnosticReport"))
    while not ended.is_set():
        messages = journal.claim(64)
        if not messages:
            journal.wait(0.2)
            continue
        done = [Settlement(message, State.PROCESSED, plan="0123456789abcdef", resources=names) for message in messages]
        with journal.transaction() as connection:
            journal.settle(connection, done)
        journal.committed(done)


async def load(committer: Committer, messages: int, connections: int) -> list[float]:
    took: list[float] = []
    numbers = iter(range(messages))

    async def one() -> None:
        for n in numbers:
            arrival = Arrival(
                uuid7(), "labs", "hl7v2", body(n), datetime.now(UTC), Envelope("ORU^R01", "LAB|A", str(n), f"patient{n % 500}")
            )
            began = time.perf_counter()
            [receipt] = await committer.accept([arrival])
            took.append(time.perf_counter() - began)
            assert isinstance(receipt, Receipt), receipt
            await committer.ready()

    await asyncio.gather(*(one() for _ in range(connections)))
    return took


def cpu(pid: int) -> float:
    """Seconds of processor time of a server and its children, ended ones not counted."""
    total = 0.0
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            if int(fields[1]) == pid or int(entry.name) == pid:
                total += (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return total


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=int, default=20_000)
    parser.add_argument("--connections", type=int, default=32)
    args = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="isthmus-bench-"))
    server = start(folder)
    assert not isinstance(server, Fault), server
    try:
        migrate(server.dsn)
        journal = Journal(server.dsn)
        ended = threading.Event()
        worker = threading.Thread(target=work, args=(journal, ended))
        worker.start()

        async def run() -> list[float]:
            committer = Committer(journal)
            committer.start()
            took = await load(committer, args.messages, args.connections)
            while journal.pending:
                await asyncio.sleep(0.01)
            await asyncio.to_thread(committer.stop)
            return took

        with psycopg.connect(server.dsn, autocommit=True) as connection:
            before = connection.execute(SIZE).fetchone()[0]  # type: ignore[index]
            used, pg, began = time.process_time(), cpu(server.pid), time.perf_counter()
            took = sorted(asyncio.run(run()))
            seconds = time.perf_counter() - began
            used, pg = time.process_time() - used, cpu(server.pid) - pg
            after = connection.execute(SIZE).fetchone()[0]  # type: ignore[index]
            tables = connection.execute(
                "select relname, pg_total_relation_size(oid) from pg_class where relnamespace = 'journal'::regnamespace"
                " and relkind = 'r' and pg_total_relation_size(oid) > 200000 order by 2 desc"
            ).fetchall()
        ended.set()
        worker.join()
        journal.close()
        n = args.messages
        print(f"{n / seconds:.0f} messages/s, p50 {statistics.median(took) * 1e3:.1f} ms, p99 {took[int(n * 0.99)] * 1e3:.1f} ms")
        print(f"engine {used / n * 1e6:.0f} µs, postgres {pg / n * 1e6:.0f} µs of processor per message")
        print(
            f"{(after - before) / n:.0f} bytes per message of {len(body(1))} bytes; {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024} MB"
        )
        for name, size in tables:
            print(f"  {name}: {size / n:.0f}")
    finally:
        server.stop()
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
