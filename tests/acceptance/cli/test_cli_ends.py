"""How a verb ends when its reader, its user, its files or the program itself fail it."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from engine import deployment
from engine.cli.options import zone
from tests.acceptance.cli.verbs import PANEL, REPORT, isthmus, process


def test_a_reader_that_goes_away_ends_it_quietly(tmp_path: Path, root: Path) -> None:
    for number in range(40):
        (tmp_path / f"{number}.hl7").write_bytes(REPORT)
    env = {**os.environ, "PYTHONPATH": str(root)}
    running = subprocess.Popen(
        [sys.executable, "-m", "engine", "map", str(tmp_path)], cwd=root, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=env
    )
    assert running.stdout is not None
    assert running.stderr is not None
    assert running.stdout.read(10)
    running.stdout.close()
    assert running.stderr.read() == b""
    running.stderr.close()
    running.wait(60)


def test_an_interrupt_ends_it_without_a_traceback(root: Path) -> None:
    env = {**os.environ, "PYTHONPATH": str(root)}
    running = subprocess.Popen(
        [sys.executable, "-m", "engine", "map"],
        cwd=root,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=env,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # a shell's background job begins with it ignored
    )
    wchan = Path(f"/proc/{running.pid}/syscall")
    until = time.monotonic() + 60
    while time.monotonic() < until and not wchan.read_text().startswith("0 0x0 "):  # read(0, …): it waits for standard input
        time.sleep(0.05)
    running.send_signal(signal.SIGINT)
    _, told = running.communicate(timeout=60)
    assert (running.returncode, told) == (130, b"stopped\n")


def test_a_defect_is_told_by_its_type_and_place_and_never_by_its_words(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any) -> Any:
        raise ValueError("Canary-Smith")

    monkeypatch.setattr(deployment, "_deploy", broken)
    done = isthmus("lint")
    assert done.exit_code == 3
    assert "E920" in done.stderr
    assert "ValueError" in done.stderr
    assert "test_cli_ends.py" in done.stderr
    assert "Canary" not in done.output


def test_a_place_that_cannot_be_written_is_exit_2_with_its_name(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    done = isthmus("map", PANEL, "--out", str(tmp_path / "file" / "below"))
    assert done.exit_code == 2
    assert "E918" in done.stderr
    assert "Not a directory" in done.stderr


def test_folders_and_files_without_permission_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def closed(self: Path, *_: Any, **__: Any) -> Any:  # tests may run as root, whom no permission stops
        raise PermissionError(13, "Permission denied", str(self))

    with monkeypatch.context() as patch:
        patch.setattr(Path, "open", closed)
        done = isthmus("map", PANEL)
    assert (done.exit_code, "Permission denied" in done.stderr) == (2, True)
    with monkeypatch.context() as patch:
        patch.setattr(Path, "read_bytes", closed)
        refused = isthmus("lint", "--json")
    assert refused.exit_code == 1
    assert json.loads(refused.stdout)["findings"][0]["code"] == "E228"


def test_a_terminal_that_cannot_show_a_character_is_no_reason_to_fail(root: Path, tmp_path: Path) -> None:
    done = process("list", "faults", "E301", cwd=root, PYTHONIOENCODING="ascii", LC_ALL="C", PYTHONUTF8="0")
    assert done.returncode == 0
    assert b"E301" in done.stdout


def test_a_file_larger_than_is_read_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from engine.cli import messages

    monkeypatch.setattr(messages, "LARGEST", 1024)
    assert isthmus("map", stdin=b"x" * 1025).exit_code == 2
    (tmp_path / "x").write_bytes(b"x" * 1025)
    assert isthmus("map", str(tmp_path / "x")).exit_code == 2


def test_progress_is_shown_to_people_only() -> None:
    from engine.cli.progress import counted

    with pytest.MonkeyPatch.context() as patch:
        told = io.StringIO()
        patch.setattr(sys, "stderr", told)
        assert list(counted([1, 2, 3], "numbers")) == [1, 2, 3]
        assert told.getvalue() == ""


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("ISTHMUS_ZONE", "Europe/Nowhere", "Europe/Berlin"),
        ("ISTHMUS_ZONE", "Berlin", "Europe/Berlin"),
        ("ISTHMUS_ECG_ZONE", "../etc/passwd", "Europe/Berlin"),
        ("ISTHMUS_PENDING", "many", "a number of messages"),
        ("ISTHMUS_KEEP_AUDIT", "-1", "a number of days"),
    ],
)
def test_an_engine_starts_on_no_setting_that_it_cannot_read(
    name: str, text: str, told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, text)
    done = isthmus("run", "--data", str(tmp_path / "none"))
    assert (done.exit_code, (tmp_path / "none").exists()) == (2, False)
    assert name in done.stderr
    assert told in done.stderr


@pytest.mark.parametrize("text", ["", "UTC", "+0100", "America/New_York"])
def test_a_zone_is_a_name_or_an_offset(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ISTHMUS_ZONE", text)
    zone("ISTHMUS_ZONE")
