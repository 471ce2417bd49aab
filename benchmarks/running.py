"""Starts a real engine for a benchmark, in a folder of its own on ports of its own, and reads what it costs."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True, slots=True)
class Running:
    """A started engine: its process id, DSN and addresses."""

    pid: int
    dsn: str
    http: str
    sources: dict[str, str]
    data: Path

    def processes(self) -> list[int]:
        """The engine and the processes that work for it, without the database's."""
        found, waiting = [], [self.pid]
        while waiting:
            pid = waiting.pop()
            with suppress(OSError):
                if "postgres" not in Path(f"/proc/{pid}/comm").read_text():
                    found.append(pid)
                    for task in Path(f"/proc/{pid}/task").glob("*/children"):
                        waiting += [int(child) for child in task.read_text().split()]
        return found

    def memory(self) -> float:
        """Resident memory of all the engine's processes in MB, a page that several share counted once (PSS)."""
        return sum(field(Path(f"/proc/{pid}/smaps_rollup"), "Pss") for pid in self.processes()) / 1024

    @contextmanager
    def watched(self) -> Iterator[list[float]]:
        """Meanwhile `memory`, looked at twice a second."""
        seen, ended = [self.memory()], threading.Event()

        def look() -> None:
            while not ended.wait(0.5):
                with suppress(OSError, StopIteration):
                    seen.append(self.memory())

        thread = threading.Thread(target=look)
        thread.start()
        try:
            yield seen
        finally:
            ended.set()
            thread.join()

    def cpu(self) -> float:
        """Processor seconds used by the engine's processes."""
        ticks = 0
        for pid in self.processes():
            fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
            ticks += int(fields[11]) + int(fields[12])
        return ticks / os.sysconf("SC_CLK_TCK")

    def database_cpu(self) -> float:
        """Processor seconds used by the embedded PostgreSQL: its first process, those it began, and those that ended."""
        first = int(next(self.data.rglob("postmaster.pid")).read_text().split()[0])
        spent = 0
        for stat in Path("/proc").glob("[0-9]*/stat"):
            try:
                fields = stat.read_text().rsplit(")", 1)[1].split()
            except OSError:
                continue
            if int(stat.parent.name) == first:
                spent += sum(int(field) for field in fields[11:15])
            elif int(fields[1]) == first:
                spent += int(fields[11]) + int(fields[12])
        return spent / os.sysconf("SC_CLK_TCK")

    def port(self, channel: str) -> int:
        """Where a channel listens."""
        return int(self.sources[channel].rsplit(":", 1)[1])


def field(file: Path, name: str) -> int:
    """A number of kB in a file of /proc."""
    return int(next(line.split()[1] for line in file.read_text().splitlines() if line.startswith(name + ":")))


@contextmanager
def engine(*options: str, channels: Path | None = None, log: Path | None = None) -> Iterator[Running]:
    """A fresh engine on an embedded PostgreSQL; stopped and swept away at the end."""
    with tempfile.TemporaryDirectory(prefix="isthmus-bench-", dir="/var/tmp", ignore_cleanup_errors=True) as folder:
        os.chmod(folder, 0o755)
        data = Path(folder) / "data"
        more = ["--channels", str(channels)] if channels else []
        command = [sys.executable, "-m", "engine", "run", "--data", str(data), "--http", "127.0.0.1:0", "--mllp", "127.0.0.1:0"]
        with (log or Path(folder) / "log").open("wb") as output:
            process = subprocess.Popen([*command, *more, *options], cwd=ROOT, stdout=output, stderr=output)
            try:
                yield _ready(process, data, Path(output.name))
            finally:
                process.send_signal(signal.SIGTERM)
                process.wait(120)


def _ready(process: subprocess.Popen[bytes], data: Path, log: Path) -> Running:
    until = time.monotonic() + 120
    while time.monotonic() < until and process.poll() is None:
        if (data / "engine.json").exists():
            found: dict[str, Any] = json.loads((data / "engine.json").read_text())
            return Running(found["pid"], found["dsn"], found["http"], found["sources"], data)
        time.sleep(0.05)
    raise SystemExit(f"the engine did not start:\n{log.read_text()[-3000:]}")
