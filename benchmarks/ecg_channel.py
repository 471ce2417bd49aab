"""How many ECGs a second go from the upload to a stored report with its drawing, and what a burst of them costs vital signs.

    python -m benchmarks.ecg_channel [--count 200] [--seconds 15] [--rate 100]

Every ECG is twelve leads of ten seconds at 500 Hz as aECG, different from every other. Vital signs are ORU^R01 of ten results, sent at
a fixed rate over MLLP; a latency counts from the moment at which the message was due, so a stall is not left out (no coordinated
omission). They are measured alone, then while the burst of ECGs is worked. Loopback only; bounded by the counts.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import psycopg

from adapters.ecg.whole import Written
from adapters.ecg.write import write
from benchmarks.ecg import made
from benchmarks.load import message
from benchmarks.running import Running, engine

SENDERS = 8


def ecg(number: int) -> bytes:
    written = write(made(number), "aecg")
    assert isinstance(written, Written)
    return written.body


def post(run: Running, body: bytes) -> str:
    request = urllib.request.Request(f"{run.http}/in/ecg", body, {"Content-Type": "application/xml"})
    with urllib.request.urlopen(request, timeout=60) as answer:
        return str(json.load(answer)["id"])


def upload(run: Running, bodies: list[bytes]) -> list[str]:
    with ThreadPoolExecutor(4) as threads:
        return list(threads.map(lambda body: post(run, body), bodies))


def worked(run: Running, ids: list[str], patience: float = 300) -> int:
    """Waits until all are worked; how many were processed."""
    until = time.monotonic() + patience
    with psycopg.connect(run.dsn, autocommit=True) as connection:
        while time.monotonic() < until:
            rows = connection.execute(
                "select state, count(distinct id) from journal.message_event where id = any (%s) group by 1", [ids]
            )
            states = {str(state): int(count) for state, count in rows.fetchall()}
            if sum(states.values()) >= len(ids):
                return states.get("processed", 0)
            time.sleep(0.25)  # the question costs PostgreSQL something too
    raise SystemExit(f"the ECGs were not worked within {patience} s")


@dataclass(slots=True)
class Vitals:
    """Latencies in s of acknowledgements and, from the journal, of the work."""

    acknowledged: list[float]
    worked: list[float]

    def row(self) -> str:
        cells = [f"{name} p50 {at(each, 0.5):6.1f}  p99 {at(each, 0.99):6.1f}  max {at(each, 1):6.1f} ms"
                 for name, each in (("ACK", self.acknowledged), ("processed", self.worked))]  # fmt: skip
        return "   ".join(cells)


def used(run: Running) -> dict[str, float]:
    """Processor seconds of the engine's own process and of everything below it (slow processes, PostgreSQL), live ones only."""
    below: dict[int, list[int]] = {}
    spent: dict[int, tuple[str, float]] = {}
    for folder in os.listdir("/proc"):
        if folder.isdigit():
            try:
                name, _, rest = Path(f"/proc/{folder}/stat").read_text().partition("(")[2].rpartition(")")
            except OSError:
                continue
            fields = rest.split()
            below.setdefault(int(fields[1]), []).append(int(folder))
            spent[int(folder)] = (name, (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK"))
    found = {"engine": spent[run.pid][1], "slow": 0.0, "postgres": 0.0}
    rest_ = list(below.get(run.pid, ()))
    while rest_:
        one = rest_.pop()
        rest_ += below.get(one, [])
        found["postgres" if spent[one][0].startswith("postgres") else "slow"] += spent[one][1]
    return found


def at(values: list[float], share: float) -> float:
    ordered = sorted(values)
    return 1000 * ordered[min(len(ordered) - 1, int(len(ordered) * share))]


async def send(port: int, rate: float, seconds: float, first: int) -> list[float]:
    """Sends at a fixed rate over a few connections, in turn."""
    count, gap = int(rate * seconds), 1 / rate
    began = time.perf_counter() + 0.2
    found: list[float] = []

    async def one(sender: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for number in range(sender, count, SENDERS):
            due = began + number * gap
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            writer.write(message(first + number, 500))
            await reader.readuntil(b"\x1c\r")
            found.append(time.perf_counter() - due)
        writer.close()

    await asyncio.gather(*(one(sender) for sender in range(SENDERS)))
    return found


def vitals(run: Running, rate: float, seconds: float, first: int) -> Vitals:
    """One run of vital signs, and how long each took from its first byte to its commit."""
    acknowledged = asyncio.run(send(run.port("hospital"), rate, seconds, first))
    names = [f"B{first + n:08d}" for n in range(int(rate * seconds))]
    until = time.monotonic() + 120
    with psycopg.connect(run.dsn, autocommit=True) as connection:
        while time.monotonic() < until:
            rows = connection.execute(
                "select extract(epoch from e.at - m.received)::float8 from journal.message m join journal.message_event e using (id) "
                "where m.control_id = any (%s) and e.state = 'processed'", [names],
            ).fetchall()  # fmt: skip
            if len(rows) == len(names):
                return Vitals(acknowledged, [float(row[0]) for row in rows])
            time.sleep(0.1)
    raise SystemExit("not all vital signs were processed")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=200, help="ECGs in a burst")
    parser.add_argument("--seconds", type=float, default=15.0, help="of vital signs in each run")
    parser.add_argument("--rate", type=float, default=100.0, help="vital signs a second")
    given = parser.parse_args()
    bodies = [ecg(n) for n in range(2 * given.count + 8)]
    print(f"{os.cpu_count()} processors, load {os.getloadavg()[0]:.1f} from before; an ECG is {len(bodies[0]) / 1000:.0f} kB")
    with engine("--log-level", "warning") as run:
        worked(run, upload(run, bodies[:8]))
        vitals(run, given.rate, 2, 0)
        began, before = time.perf_counter(), used(run)
        ids = upload(run, bodies[8 : 8 + given.count])
        taken = time.perf_counter() - began
        done = worked(run, ids)
        spent = time.perf_counter() - began
        cost = {name: (value - before[name]) / given.count * 1000 for name, value in used(run).items()}
        total = sum(cost.values())
        print(
            f"ECGs alone: {done} of {given.count} in {spent:.1f} s, {given.count / spent:.1f}/s (taken in {taken:.1f} s); processor time "
            f"each {', '.join(f'{name} {value:.0f}' for name, value in cost.items())} ms: {2000 / total:.1f}/s on two processors to itself"
        )
        print(f"vital signs alone, {given.rate:g}/s:   {vitals(run, given.rate, given.seconds, 1000).row()}")
        with ThreadPoolExecutor(1) as beside:
            burst = beside.submit(lambda: worked(run, upload(run, bodies[8 + given.count :])))
            found = vitals(run, given.rate, given.seconds, 100_000)
            running = not burst.done()
            print(f"with a burst of {given.count} ECGs:  {found.row()}" + ("" if running else "   (the burst was done before)"))
            burst.result()


if __name__ == "__main__":
    main()
