"""Messages in over MLLP, their reports out over MLLP, a webhook and the live feed at once: how many a second, and how long each takes.

    python benchmarks/deliver.py [--count 5000] [--connections 32]

Two runs: all three destinations alive, and with the MLLP one black-holed (it takes connections and never answers). The time of a report is from
the first byte of its message in the engine to its arrival, both on this machine's clock. It is checked that every report arrives at
every live destination. Loopback only; bounded by the count.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
from mllp import generate, settled
from running import ROOT, Running, engine

HERE = Path(__file__).parent
CHANNEL = """channel: hospital
source: {{ mllp: {{ listen: "tcp:127.0.0.1:0" }} }}
in order by: PID-3.1
steps: [ {{ map: oru_r01 }}, {{ validate: fhir R4 }} ]
destinations:
  record: {{ fhir_store: {{}} }}
  ehr: {{ map: fhir_to_oru_r01, mllp: {{ connect: "tcp:127.0.0.1:{mllp}", connections: 4, timeout: 5s }} }}
  hook: {{ http: {{ url: "http://127.0.0.1:{hook}/reports", allow: [127.0.0.1] }} }}
  board: {{ websocket: {{ topic: reports, types: [DiagnosticReport] }} }}
"""
PATIENCE = 180.0  # seconds for the last report


class Receivers:
    """The far sides."""

    def __init__(self, hole: str) -> None:
        command = [sys.executable, str(HERE / "receivers.py"), "--hole", hole]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        _, mllp, hook = self.read().split()
        self.ports = {"mllp": int(mllp), "hook": int(hook)}

    def read(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline()

    def say(self, text: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(text + "\n")
        self.process.stdin.flush()

    def counts(self) -> dict[str, int]:
        self.say("count")
        return dict(json.loads(self.read()))


def wait(done: Callable[[], bool], what: str) -> None:
    """Waits until it is so."""
    until = time.monotonic() + PATIENCE
    while not done():
        if time.monotonic() > until:
            raise SystemExit(what)
        time.sleep(0.05)


def run(hole: str, count: int, connections: int) -> dict[str, float]:
    """One run; the rate of each live destination."""
    receivers = Receivers(hole)
    with tempfile.TemporaryDirectory(prefix="isthmus-bench-") as folder:
        channels = Path(folder) / "channels"
        shutil.copytree(ROOT / "channels" / "alerts", channels / "alerts")
        (channels / "hospital.yaml").write_text(CHANNEL.format(**receivers.ports))
        with engine("--log-level", "error", channels=channels) as running:
            receivers.say(f"feed {running.http.replace('http', 'ws')}/ws/feed?topic=reports")
            warm(running, receivers, hole)
            began, engine_cpu, database_cpu = time.time(), running.cpu(), running.database_cpu()
            generate(running.port("hospital"), connections, count, 500)
            alive = [name for name in ("mllp", "hook", "feed") if name != hole]
            wait(lambda: all(receivers.counts()[name] >= count + 500 for name in alive), "not every report arrived")
            spent = [
                1000 * (now - then) / count for now, then in ((running.cpu(), engine_cpu), (running.database_cpu(), database_cpu))
            ]
            print(f"  processor time a message: engine {spent[0]:.2f} ms, database {spent[1]:.2f} ms")
            receivers.say("end")
            arrived: dict[str, dict[str, float]] = json.loads(receivers.read())
            return report(running, arrived, alive, began, count)


def warm(running: Running, receivers: Receivers, hole: str) -> None:
    """The first messages, which are not counted."""
    generate(running.port("hospital"), 4, 500, 0)
    settled(running.dsn, 500)
    alive = [name for name in ("mllp", "hook", "feed") if name != hole]
    wait(lambda: all(receivers.counts()[name] >= 500 for name in alive), "the first reports did not arrive")


def report(
    running: Running, arrived: dict[str, dict[str, float]], alive: list[str], began: float, count: int
) -> dict[str, float]:
    """Prints each live destination's rate and times."""
    with psycopg.connect(running.dsn) as connection:
        rows: list[Any] = connection.execute(
            "select control_id, id, extract(epoch from received)::float8 from journal.message"
        ).fetchall()
    came = {control: at for control, _, at in rows} | {str(id): at for _, id, at in rows}
    rates = {}
    for name in alive:
        times = [(at, at - came[key]) for key, at in arrived[name].items() if came[key] >= began]
        took = sorted(each for _, each in times)
        assert len(took) == count, f"{name}: {len(took)} of {count}"
        rates[name] = count / (max(at for at, _ in times) - began)
        p50, p99 = took[count // 2], took[min(count - 1, int(count * 0.99))]
        print(
            f"  {name:5} {rates[name]:7.0f} reports/s   end to end p50 {p50 * 1000:8.1f} ms  p99 {p99 * 1000:8.1f} ms", flush=True
        )
    print(f"  engine's memory {running.memory():.0f} MB")
    return rates


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=5000)
    parser.add_argument("--connections", type=int, default=32)
    given = parser.parse_args()
    print("all three alive", flush=True)
    whole = run("", given.count, given.connections)
    print("MLLP black-holed", flush=True)
    rest = run("mllp", given.count, given.connections)
    for name, rate in rest.items():
        print(f"  {name:5} keeps {100 * rate / whole[name]:.0f} %")


if __name__ == "__main__":
    main()
