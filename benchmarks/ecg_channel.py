"""How many ECGs a second go from the upload to a stored report with its drawing, and what a burst of them costs vital signs.

    python -m benchmarks.ecg_channel [--count 60] [--rounds 3] [--seconds 5] [--rate 100]

Every ECG is twelve leads of ten seconds at 500 Hz as aECG, different from every other. Vital signs are ORU^R01 of ten results, sent at
a fixed rate over MLLP by a process of their own. They are measured alone and while a burst of ECGs is taken in and worked, by turns; of
those beside a burst only what was due while it lasted counts. Loopback only; bounded by the counts.
"""

from __future__ import annotations

import argparse
import json
import os
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import psycopg

from adapters.ecg.whole import Written
from adapters.ecg.write import write
from benchmarks import vitals
from benchmarks.ecg import made
from benchmarks.running import Running, engine

STEP = 100_000  # numbers of vital signs from one run of them to the next


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
class Seen:
    """Latencies in s of acknowledgements and, from the journal, of the work; and when the runs of them were, in s."""

    acknowledged: list[float] = field(default_factory=list)
    worked: list[float] = field(default_factory=list)
    lasted: float = 0.0

    def add(self, run: Running, sent: vitals.Sent, began: float, ended: float) -> None:
        names = sent.between(began, ended)
        self.acknowledged += [sent.found[name][1] for name in names]
        self.worked += vitals.worked(run, names)
        self.lasted += ended - began

    def row(self, name: str) -> str:
        cells = "".join(f"{at(each, share):9.1f}" for each in (self.acknowledged, self.worked) for share in (0.5, 0.99, 1))
        return f"{name:18}{cells}   {len(self.acknowledged)} in {self.lasted:.0f} s"


def alone(run: Running, rate: float, seconds: float, first: int, seen: Seen) -> None:
    """Vital signs with nothing beside them."""
    with vitals.sending(run, rate, first) as sent:
        began = time.perf_counter()
        time.sleep(seconds)
        ended = time.perf_counter()
    seen.add(run, sent, began, ended)


def beside(run: Running, rate: float, bodies: list[bytes], first: int, seen: Seen) -> int:
    """Vital signs while a burst of ECGs is taken in and worked; how many ECGs were processed."""
    with vitals.sending(run, rate, first) as sent:
        time.sleep(0.2)
        began = time.perf_counter()
        done = worked(run, upload(run, bodies))
        ended = time.perf_counter()
    seen.add(run, sent, began, ended)
    return done


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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=60, help="ECGs in a burst")
    parser.add_argument("--rounds", type=int, default=3, help="of vital signs alone and beside a burst, by turns")
    parser.add_argument("--seconds", type=float, default=5.0, help="of vital signs alone in each round")
    parser.add_argument("--rate", type=float, default=100.0, help="vital signs a second")
    given = parser.parse_args()
    count = given.count
    bodies = [ecg(n) for n in range((1 + given.rounds) * count + 8)]
    print(f"{os.cpu_count()} processors, load {os.getloadavg()[0]:.1f} from before; an ECG is {len(bodies[0]) / 1000:.0f} kB")
    with engine("--log-level", "warning") as run:
        worked(run, upload(run, bodies[:8]))
        alone(run, given.rate, 2, 0, Seen())
        began, before = time.perf_counter(), used(run)
        ids = upload(run, bodies[8 : 8 + count])
        taken = time.perf_counter() - began
        done = worked(run, ids)
        spent = time.perf_counter() - began
        cost = {name: (value - before[name]) / count * 1000 for name, value in used(run).items()}
        total = sum(cost.values())
        print(
            f"ECGs alone: {done} of {count} in {spent:.1f} s, {count / spent:.1f}/s (taken in {taken:.1f} s); processor time "
            f"each {', '.join(f'{name} {value:.0f}' for name, value in cost.items())} ms: {2000 / total:.1f}/s on two processors to itself"
        )
        quiet, burst = Seen(), Seen()
        done = 0
        for number in range(1, given.rounds + 1):
            alone(run, given.rate, given.seconds, 2 * number * STEP, quiet)
            first = 8 + number * count
            done += beside(run, given.rate, bodies[first : first + count], (2 * number + 1) * STEP, burst)
        columns = "".join(f"{name:>9}" for name in ("ACK p50", "p99", "max ms", "done p50", "p99", "max ms"))
        print(f"{f'{given.rate:g} vital signs/s':18}{columns}")
        print(quiet.row("alone"))
        print(burst.row("beside ECGs"))
        slower = [at(burst.acknowledged, share) / at(quiet.acknowledged, share) for share in (0.5, 0.99, 1)]
        print(
            f"ACKs beside bursts take {slower[0]:.2f} (p50), {slower[1]:.2f} (p99) and {slower[2]:.2f} (slowest) times as long; "
            f"{done} ECGs at {done / burst.lasted:.1f}/s"
        )


if __name__ == "__main__":
    main()
