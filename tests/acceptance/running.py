"""A real engine in a process of its own, on ports of its own, stopped by a signal."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

WITH_DATA = (
    "find",
    "show",
    "replay",
    "deploy",
    "doctor",
    "migrate",
    "alert",
    "top",
    "tap",
    "reconcile",
    "dead",
    "pause",
    "resume",
)
ROOT = Path(__file__).resolve().parents[2]


@dataclass(slots=True)
class Engine:
    """A running engine."""

    process: subprocess.Popen[bytes]
    data: Path
    channels: Path
    mappings: Path
    note: dict[str, Any]
    log: Path

    @property
    def http(self) -> str:
        return str(self.note["http"])

    def port(self, channel: str) -> int:
        return int(self.note["sources"][channel].rsplit(":", 1)[1])

    def command(self, *words: str, stdin: bytes | None = None) -> subprocess.CompletedProcess[bytes]:
        """Runs a verb against this engine."""
        folders = ["--data", str(self.data)] if words[0] in WITH_DATA else []
        return subprocess.run(
            [sys.executable, "-m", "engine", *words, *folders],
            cwd=ROOT,
            capture_output=True,
            input=stdin,
            check=False,
            timeout=120,
        )

    def stop(self, number: int = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        return self.process.wait(60)


Start = Callable[..., Engine]


def start_engine(folder: Path, *options: str) -> Engine:
    """Starts an engine on copies of the shipped folders and waits until it is ready."""
    data, channels, mappings = folder / "data", folder / "channels", folder / "mappings"
    for name, copy in (("channels", channels), ("mappings", mappings)):
        if not copy.exists():
            shutil.copytree(ROOT / name, copy)
    log = folder / "log"
    command = [sys.executable, "-m", "engine", "run", "--data", str(data), "--http", "127.0.0.1:0", "--mllp", "127.0.0.1:0"]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))}
    with log.open("ab") as output:
        process = subprocess.Popen(
            [*command, "--channels", str(channels), "--mappings", str(mappings), *options],
            cwd=folder,
            stdout=output,
            stderr=output,
            env=environment,
        )
    until = time.monotonic() + 100
    while time.monotonic() < until and process.poll() is None:
        try:
            note = json.loads((data / "engine.json").read_text())
            if note["pid"] == process.pid:
                return Engine(process, data, channels, mappings, note, log)
        except (OSError, ValueError):
            pass
        time.sleep(0.05)
    process.kill()
    process.wait()
    raise AssertionError(log.read_text()[-3000:])
