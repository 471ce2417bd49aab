"""The data folder has one engine at a time and a note of it for its owner only."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from engine.fault import Fault
from engine.home import Home, enter, new_token, note


def test_one_engine_at_a_time_and_the_next_when_it_has_left(tmp_path: Path) -> None:
    first = enter(tmp_path / "new" / "data")
    assert isinstance(first, Home)
    second = enter(tmp_path / "new" / "data")
    assert isinstance(second, Fault)
    assert second.code == "E911"
    first.leave()
    third = enter(tmp_path / "new" / "data")
    assert isinstance(third, Home)
    third.leave()


def test_the_lock_ends_with_its_process(tmp_path: Path, root: Path) -> None:
    code = f"import os; from pathlib import Path; from engine.home import enter; enter(Path({str(tmp_path)!r})); os.kill(os.getpid(), 9)"
    done = subprocess.run([sys.executable, "-c", code], cwd=root, check=False)
    assert done.returncode == -signal.SIGKILL
    again = enter(tmp_path)
    assert isinstance(again, Home)
    again.leave()


def test_a_folder_that_cannot_be_is_a_fault(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    found = enter(tmp_path / "file" / "data")
    assert isinstance(found, Fault)
    assert found.code == "E910"


def test_the_note_is_for_its_owner_only_and_gone_afterwards(tmp_path: Path) -> None:
    home = enter(tmp_path)
    assert isinstance(home, Home)
    assert note(tmp_path) is None
    home.announce(token="secret", dsn="x")
    assert stat.S_IMODE((tmp_path / "engine.json").stat().st_mode) == 0o600
    assert not (tmp_path / "engine.json.new").exists()
    assert note(tmp_path) == {"pid": os.getpid(), "token": "secret", "dsn": "x"}
    home.leave()
    assert note(tmp_path) is None


@pytest.mark.parametrize("text", ["", "{}", "[]", "17", '{"pid": "x"}', '{"pid": 4194305}', "\ufeff"])
def test_a_note_that_is_none_or_of_a_dead_process_is_no_engine(text: str, tmp_path: Path) -> None:
    (tmp_path / "engine.json").write_text(text)
    assert note(tmp_path) is None


def test_tokens_are_long_and_differ() -> None:
    made = {new_token() for _ in range(100)}
    assert len(made) == 100
    assert min(map(len, made)) >= 43  # 256 bits in base64
