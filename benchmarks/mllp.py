"""How many messages a second go from the socket to readable FHIR, and how long an acknowledgement takes.

    python benchmarks/mllp.py [--count 20000] [--connections 8 32]

Every message is an ORU^R01 of ten results, different from every other. After each run it is checked that every acknowledged
message is stored and processed and that its ten Observations can be read. Beside it, for scale, runs python-hl7's MLLP server,
which acknowledges and stores nothing. Loopback only; bounded by the count.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import psycopg
from running import Running, engine

from engine.journal.values import unpack

HERE = Path(__file__).parent


def generate(port: int, connections: int, count: int, first: int) -> dict[str, float]:
    """Runs the load generator in its own process."""
    command = [sys.executable, str(HERE / "load.py"), "--port", str(port), "--connections", str(connections)]
    done = subprocess.run([*command, "--count", str(count), "--first", str(first)], capture_output=True, text=True, check=True)
    return dict(json.loads(done.stdout))


def settled(dsn: str, count: int, patience: float = 120) -> float:
    """Waits until no message waits for its turn; the moment when that was so."""
    until = time.monotonic() + patience
    with psycopg.connect(dsn, autocommit=True) as connection:
        while time.monotonic() < until:
            row = connection.execute("select exists (select from journal.pending)").fetchone()
            if row and not row[0]:
                return time.perf_counter()
            time.sleep(0.03)
    raise SystemExit(f"{count} messages were not processed within {patience} s")


def check(run: Running, first: int, count: int) -> None:
    """Every acknowledged message is processed, once, and its ten Observations can be read over HTTP (a sample of them)."""
    with psycopg.connect(run.dsn, autocommit=True) as connection:
        states = dict(connection.execute("select state, count(*) from journal.message_event group by state").fetchall())
        written = connection.execute("select count(*) from journal.message").fetchone()
    if states != {"processed": first + count} or written != (first + count,):
        raise SystemExit(f"not all messages are processed: {states} of {written}")
    for number in range(first, first + count, max(1, count // 20)):
        name = f"B{number:08d}"
        with psycopg.connect(run.dsn, autocommit=True) as connection:
            row = connection.execute(
                "select resources from journal.message_event join journal.message using (id) where control_id = %s", [name]
            ).fetchone()
        found = [each for each in unpack(row[0] if row else None) if each.startswith("Observation/")]
        if len(found) != 10:
            raise SystemExit(f"{name} has {len(found)} Observations, not 10")
        for each in found:
            with urllib.request.urlopen(f"{run.http}/fhir/R4/{each}", timeout=10) as answer:
                if json.load(answer)["status"] != "final":
                    raise SystemExit(f"{each} of {name} cannot be read")


def journal_bytes(dsn: str) -> float:
    """Bytes of journal on disk for each message, tables and indexes together."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        row = connection.execute(
            "select sum(pg_total_relation_size(c.oid)) / greatest(1, (select count(*) from journal.message)) from pg_class c "
            "join pg_namespace n on n.oid = c.relnamespace where c.relkind in ('r', 'm') and n.nspname = 'journal'"
        ).fetchone()
    return float(row[0]) if row else 0.0


def measure(run: Running, connections: int, count: int, first: int) -> None:
    """One run: rate from the first byte to the last message processed, and the acknowledgements' latencies."""
    cpu = run.cpu()
    with run.watched() as seen:
        found = generate(run.port("hospital"), connections, count, first)
        ended = settled(run.dsn, count)
    check(run, first, count)
    rate = count / (ended - found["began"])
    print(
        f"{connections:4} connections  {rate:7.0f} messages/s  acknowledged {count / found['seconds']:7.0f}/s  "
        f"ACK p50 {found['p50']:6.2f}  p95 {found['p95']:6.2f}  p99 {found['p99']:6.2f} ms  "
        f"engine CPU {(run.cpu() - cpu) / count * 1000:.2f} ms/message  memory {run.memory():.0f} MB, peak {max(seen):.0f} MB"
    )


async def _acknowledge_only(count: int) -> float:
    """python-hl7's own asyncio server, which answers and stores nothing."""
    import hl7.mllp

    async def serve(reader: hl7.mllp.HL7StreamReader, writer: hl7.mllp.HL7StreamWriter) -> None:
        try:
            while not writer.is_closing():
                message = await reader.readmessage()
                writer.writemessage(message.create_ack())
                await writer.drain()
        except asyncio.IncompleteReadError:
            writer.close()

    async with await hl7.mllp.start_hl7_server(serve, host="127.0.0.1", port=0) as server:
        port = server.sockets[0].getsockname()[1]
        found = await asyncio.to_thread(generate, port, 32, count, 0)
    return count / found["seconds"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=20000, help="messages in each run")
    parser.add_argument("--connections", type=int, nargs="+", default=[8, 32])
    given = parser.parse_args()
    with engine("--log-level", "warning") as run:
        generate(run.port("hospital"), 4, 500, 0)
        settled(run.dsn, 500)
        first = 500
        for connections in given.connections:
            measure(run, connections, given.count, first)
            first += given.count
        print(f"journal on disk: {journal_bytes(run.dsn):.0f} bytes a message of about 1,100")
    print(f"for scale, python-hl7 acknowledging only, storing nothing: {asyncio.run(_acknowledge_only(4000)):.0f}/s")


if __name__ == "__main__":
    main()
