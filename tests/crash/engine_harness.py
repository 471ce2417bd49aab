"""A small engine over the journal for crash tests: lines in over a socket, a receipt back for each, effects in a table.

    python tests/crash/engine_harness.py DATA PORT_FILE [--hasty]

A line is `patient number`; the answer is `number` once it is stored. `--hasty` answers before the commit: a mutant that the
crash test must catch. The worker writes one effect for each message in the transaction that settles it.
"""

from __future__ import annotations

import asyncio
import sys
import threading
from datetime import UTC, datetime
from pathlib import Path

import psycopg

from engine.fault import Fault
from engine.journal import Committer, Journal, Settlement
from engine.migrate import migrate
from engine.postgres import start
from engine.types import Arrival, Envelope, Receipt, State
from engine.uuid7 import uuid7

EFFECTS = "create table if not exists effect (place bigint generated always as identity, patient text, n bigint)"


def work(journal: Journal) -> None:
    while True:
        try:
            messages = journal.claim(50)
            if not messages:
                journal.wait(0.1)
                continue
            done = [Settlement(message, State.PROCESSED) for message in messages]
            with journal.transaction() as connection:
                for message in messages:
                    connection.execute("insert into effect (patient, n) values (%s, %s)", message.body.decode().split())
                journal.settle(connection, done)
            journal.committed(done)
        except psycopg.OperationalError:
            threading.Event().wait(0.05)


async def serve(journal: Journal, port_file: Path, hasty: bool) -> None:
    committer = Committer(journal)
    committer.start()

    async def peer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while line := await reader.readline():
            body = line.strip()
            patient, n = body.decode().split()
            arrival = Arrival(uuid7(), "labs", "lines", body, datetime.now(UTC), Envelope("", "crash", n, patient))
            accepting = asyncio.ensure_future(committer.accept([arrival]))
            if not hasty and not isinstance((await accepting)[0], Receipt):
                break  # unknown or refused: no answer, the sender repeats
            writer.write(n.encode() + b"\n")
            await writer.drain()
        writer.close()

    server = await asyncio.start_server(peer, "127.0.0.1", 0)
    port_file.write_text(str(server.sockets[0].getsockname()[1]))
    await server.serve_forever()


def main() -> None:
    data, port_file = Path(sys.argv[1]), Path(sys.argv[2])
    server = start(data)
    if isinstance(server, Fault):
        sys.exit(str(server))
    applied = migrate(server.dsn)
    if isinstance(applied, Fault):
        sys.exit(str(applied))
    with psycopg.connect(server.dsn) as connection:
        connection.execute(EFFECTS)
    journal = Journal(server.dsn)
    threading.Thread(target=work, args=(journal,), daemon=True).start()
    asyncio.run(serve(journal, port_file, "--hasty" in sys.argv))


if __name__ == "__main__":
    main()
