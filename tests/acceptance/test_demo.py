"""The demo as a newcomer meets it: traffic, what became of it, the addresses to try; Ctrl-C ends it."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from engine.fault import Fault, Kind
from engine.serve import guarded
from tests.acceptance.running import ROOT


@pytest.fixture
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="isthmus-demo-") as made:
        Path(made).chmod(0o755)
        yield Path(made)


def test_the_demo_shows_what_became_of_its_traffic_and_runs_on_until_it_is_interrupted(folder: Path) -> None:
    free = ["--data", str(folder / "data"), "--http", "127.0.0.1:0", "--mllp", "127.0.0.1:0"]
    command = [sys.executable, "-m", "engine", "demo", "--patients", "3", *free]
    told: list[str] = []
    with (folder / "log").open("w") as log:
        demo = subprocess.Popen(
            command, cwd=ROOT, stdout=subprocess.PIPE, stderr=log, text=True, env={**os.environ, "PYTHONUNBUFFERED": "1"}
        )
        assert demo.stdout is not None
        with demo.stdout:
            for line in demo.stdout:
                told.append(line)
                if line.startswith("  data "):
                    break
            else:
                pytest.fail("".join(told) + (folder / "log").read_text())
            text = "".join(told)
            base = re.findall(r"HTTP +(http://\S+)", text)[0]
            with urllib.request.urlopen(f"{base}/readyz", timeout=10) as answer:
                assert answer.status == 200
            demo.send_signal(signal.SIGINT)
            assert demo.wait(60) == 0
    assert re.search(r"ORU R01 +AA +\d+", text)
    assert re.search(r"hospital +\d+ +\d+ +0 +1 +0\b", text)  # received, processed, filtered, held, stored
    for type in ("DiagnosticReport", "Encounter", "Observation", "Patient"):
        assert re.search(rf"^ *{type} +[1-9]\d*\s*$", text, re.MULTILINE), type
    report = json.loads(re.findall(r"^\{\n.*?^\}", text, re.MULTILINE | re.DOTALL)[0])
    assert report["resourceType"] == "DiagnosticReport"
    assert report["result"]


def test_the_demo_is_one_document_for_programs(folder: Path) -> None:
    options = [
        "--once",
        "--json",
        "--patients",
        "3",
        "--data",
        str(folder / "data"),
        "--http",
        "127.0.0.1:0",
        "--mllp",
        "127.0.0.1:0",
    ]
    done = subprocess.run(
        [sys.executable, "-m", "engine", "demo", *options], cwd=ROOT, capture_output=True, check=False, timeout=120
    )
    assert done.returncode == 0
    told = json.loads(done.stdout)
    assert {row["answer"] for row in told["messages"]} == {"AA"}
    assert [row["fault"] for row in told["held"]] == ["E406"]
    assert told["report"]["resourceType"] == "DiagnosticReport"
    assert told["sources"]["hospital"].startswith("tcp:127.0.0.1:")


def test_what_fails_after_the_start_is_told_and_ends_the_engine() -> None:
    class Ended:
        ended = False

        def end(self) -> None:
            self.ended = True

    async def fails(_: object) -> None:
        raise AttributeError("a patient's name")

    engine: Any = Ended()
    fault = asyncio.run(guarded(fails, engine))
    assert isinstance(fault, Fault)
    assert (fault.kind, fault.code, engine.ended) == (Kind.FAULT, "E920", True)
    assert "patient" not in str(fault)


def test_a_reader_of_its_output_that_goes_away_leaves_no_database_behind(folder: Path) -> None:
    free = ["--data", str(folder / "data"), "--http", "127.0.0.1:0", "--mllp", "127.0.0.1:0"]
    command = [sys.executable, "-m", "engine", "demo", "--patients", "3", *free]
    demo = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert demo.stdout is not None
    while b"Messages" not in demo.stdout.readline():
        assert demo.poll() is None
    demo.stdout.close()
    demo.wait(90)
    assert list((folder / "data").rglob("postgres"))
    assert not list((folder / "data").rglob("postmaster.pid"))
    assert not (folder / "data" / "engine.json").exists()
