"""Messages are worked by processes of their own: started anew when they end, counted together with the engine, several or none."""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
import time
from pathlib import Path

import pytest

from engine.settings import usual_workers
from tests.acceptance.running import Engine, Start
from tests.acceptance.test_ecg import file, post, worked
from tests.acceptance.test_engine import MESSAGES, found, get, history, talk
from tests.acceptance.test_metrics import of, scrape

BAD = MESSAGES[3].split(b"|")[9].decode()  # a control id
CHANNEL = f"""
channel: hospital
source:
  mllp: {{ listen: "tcp:127.0.0.1:0", acknowledge: when stored }}
in order by: PID-3.1
steps:
  - deadly: {{ when: "{BAD}" }}
  - map: [oru_r01, adt_a01, adt_a03, adt_a04, adt_a08]
destinations:
  record: {{ fhir_store: {{}} }}
"""


def processes(engine: Engine, kind: str = "quick") -> list[int]:
    """The processes of an engine that work messages of a kind."""
    tasks = Path(f"/proc/{engine.process.pid}/task").glob("*/children")
    children = [child for task in tasks for child in task.read_text().split()]
    return [int(child) for child in children if Path(f"/proc/{child}/comm").read_text() == f"isthmus {kind}\n"]


def until_processed(engine: Engine, count: int) -> None:
    """Waits until so many messages are worked."""
    until = time.monotonic() + 60
    while time.monotonic() < until:
        rows = found(engine)
        if len(rows) == count and all(row.state == "processed" for row in rows):
            return
        time.sleep(0.05)
    raise AssertionError([row.state for row in found(engine)])


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="children are looked up in /proc")
def test_a_worker_that_is_killed_is_started_anew_and_its_counts_stay(own_engine: Start) -> None:
    engine = own_engine("--workers", "1")
    [worker] = processes(engine)
    talk(engine.port("hospital"), *MESSAGES[:4])
    until_processed(engine, 4)
    assert of(scrape(engine), "engine_messages_processed_total", channel="hospital") == 4
    os.kill(worker, signal.SIGKILL)
    assert talk(engine.port("hospital"), *MESSAGES[4:8]) == ["AA"] * 4  # what comes is taken meanwhile
    until_processed(engine, 8)
    [fresh] = processes(engine)
    assert fresh != worker
    assert get(f"{engine.http}/readyz")["checks"]["worker"]
    assert of(scrape(engine), "engine_messages_processed_total", channel="hospital") == 8
    assert engine.stop() == 0
    assert not Path(f"/proc/{fresh}").exists()


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="children are looked up in /proc")
def test_a_worker_that_is_started_anew_has_what_is_deployed_whatever_is_being_written(own_engine: Start) -> None:
    engine = own_engine("--workers", "1")
    talk(engine.port("hospital"), MESSAGES[0])
    until_processed(engine, 1)
    (engine.channels / "hospital.yaml").write_text("channel: hospital\nsource: {")  # half an edit, not deployed
    (engine.mappings / "oru_r01.yaml").unlink()
    for kind in ("quick", "slow"):
        os.kill(processes(engine, kind)[0], signal.SIGKILL)
    talk(engine.port("hospital"), *MESSAGES[1:4])
    until_processed(engine, 4)
    versions = {happened.plan for row in found(engine) for happened in history(engine, row.id).events}
    assert len(versions) == 1
    assert any(name.startswith("DiagnosticReport/") for name in worked(engine, post(engine, file(1))))


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="children are looked up in /proc")
def test_the_usual_workers_end_with_the_engine_that_is_killed(own_engine: Start) -> None:
    engine = own_engine()
    workers = [*processes(engine), *processes(engine, "slow")]
    assert len(workers) == usual_workers() + 1
    engine.stop(signal.SIGKILL)
    until = time.monotonic() + 30
    while any(Path(f"/proc/{one}").exists() for one in workers) and time.monotonic() < until:
        time.sleep(0.05)
    assert not [one for one in workers if Path(f"/proc/{one}").exists()]


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="children are looked up in /proc")
@pytest.mark.parametrize("number", [0, 2])
def test_there_may_be_several_workers_or_none(number: int, own_engine: Start) -> None:
    engine = own_engine("--workers", str(number))
    assert len(processes(engine)) == number
    talk(engine.port("hospital"), *MESSAGES[:8])
    until_processed(engine, 8)
    assert of(scrape(engine), "engine_messages_processed_total", channel="hospital") == 8


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="children are looked up in /proc")
def test_ecgs_are_worked_by_a_process_of_their_own_which_is_started_anew(own_engine: Start) -> None:
    engine = own_engine()
    [slow] = processes(engine, "slow")
    assert any(name.startswith("DiagnosticReport/") for name in worked(engine, post(engine, file(1))))
    os.kill(slow, signal.SIGKILL)
    assert any(name.startswith("DiagnosticReport/") for name in worked(engine, post(engine, file(2))))
    assert processes(engine, "slow") not in ([], [slow])


DEADLY = """
import os
from dataclasses import dataclass


@dataclass(frozen=True)
class Deadly:
    when: str = ""  # a text

    def compile(self, site):
        return lambda work: os._exit(9) if self.when.encode() in work.message.body else work
"""


def test_a_message_that_ends_its_process_is_held_and_the_others_go_on(
    own_engine: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    (tmp_path / "deadly.py").write_text(DEADLY)
    about = tmp_path / "deadly-1.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: deadly\nVersion: 1\n")
    (about / "entry_points.txt").write_text("[isthmus.steps]\ndeadly = deadly:Deadly\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    folder = Path(tempfile.mkdtemp(prefix="isthmus-engine-"))  # where the database's user may enter
    folder.chmod(0o755)
    request.addfinalizer(lambda: shutil.rmtree(folder, ignore_errors=True))
    (folder / "channels").mkdir()
    (folder / "channels" / "hospital.yaml").write_text(CHANNEL)
    engine = own_engine(folder=folder)
    talk(engine.port("hospital"), *MESSAGES[:8])
    until = time.monotonic() + 60
    while any(row.state == "stored" for row in found(engine)) and time.monotonic() < until:
        time.sleep(0.1)
    assert {row.control_id: row.code for row in found(engine) if row.state == "held"} == {BAD: "E295"}
    assert sum(row.state == "processed" for row in found(engine)) == 7
