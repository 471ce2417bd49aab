"""Live feeds of a real engine, read by the clients of the documentation, across a kill (R24)."""

from __future__ import annotations

import json
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from queue import Queue

import pytest

from tests.acceptance.running import ROOT, Engine, Start
from tests.acceptance.test_engine import MESSAGES, found, talk

REPORT = MESSAGES[4]
assert b"ORU" in REPORT
VALUES = REPORT.count(b"\rOBX|")


def client(language: str, folder: Path) -> Path:
    """A client as the documentation prints it."""
    (text,) = re.findall(rf"```{language}\n(.*?)```", (ROOT / "docs" / "feeds.md").read_text(), re.DOTALL)
    file = folder / f"client.{'py' if language == 'python' else 'js'}"
    file.write_text(text)
    return file


def gather(reading: subprocess.Popen[str], lines: Queue[str]) -> None:
    """Keeps what a client prints."""
    assert reading.stdout is not None
    with reading.stdout:
        for line in reading.stdout:
            lines.put(line)


def publishing(engine: Engine) -> None:
    """Adds a feed to the shipped channel."""
    channel = engine.channels / "hospital.yaml"
    text = channel.read_text()
    channel.write_text(
        text.replace(
            "  record: { fhir_store: {} }",
            "  record: { fhir_store: {} }\n  board: { websocket: { topic: labs, types: [Observation] } }",
        )
    )
    assert engine.command("deploy").returncode == 0


def port_of(engine: Engine) -> str:
    return engine.http.rsplit(":", 1)[1]


@pytest.mark.parametrize("language", ["python", "javascript"])
def test_the_documented_client_gets_every_result_once_across_a_kill(language: str, own_engine: Start, tmp_path: Path) -> None:
    if language == "javascript" and shutil.which("node") is None:
        pytest.skip("node is not installed")
    engine = own_engine()
    publishing(engine)
    address = f"ws://127.0.0.1:{port_of(engine)}/ws/feed?topic=labs"
    program = [sys.executable] if language == "python" else ["node", "--experimental-websocket", "--no-warnings"]
    reading = subprocess.Popen([*program, str(client(language, tmp_path)), address], stdout=subprocess.PIPE, text=True)
    lines: Queue[str] = Queue()
    listener = threading.Thread(target=gather, args=(reading, lines), daemon=True)
    listener.start()
    try:
        tries = 0
        while (
            lines.empty()
        ):  # the client may still be connecting: the first message is repeated under new names until it is heard
            talk(engine.port("hospital"), REPORT.replace(b"|DEMO", b"|TRY%d" % tries))
            tries += 1
            time.sleep(0.3)
        events = [json.loads(lines.get(timeout=30))]
        engine.process.send_signal(signal.SIGKILL)
        engine.process.wait()
        again = own_engine("--http", f"127.0.0.1:{port_of(engine)}", folder=engine.data.parent)
        reports = [REPORT.replace(b"|DEMO", b"|GO%d" % n) for n in range(5)]
        assert talk(again.port("hospital"), *reports) == ["AA"] * 5
        due = {str(found(again, report.split(b"|")[9].decode())[0].id) for report in reports}
        while sum(each["message"] in due for each in events) < 5 * VALUES:
            events.append(json.loads(lines.get(timeout=30)))
    finally:
        reading.kill()
        reading.wait()
        listener.join()
    told = [(each["message"], each["resource"]) for each in events]
    assert len(told) == len(set(told))
    assert {each["type"] for each in events} == {"Observation"}
    assert {str(each["value"]["unit"]) for each in events if "value" in each}
