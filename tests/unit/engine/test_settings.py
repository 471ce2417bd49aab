"""What an engine is set to where nothing is said."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from engine.settings import Settings, default_data, shipped


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="the system does not tell which processors are a process's own")
@pytest.mark.parametrize(("processors", "workers"), [({3}, 1), ({0, 1}, 2), (set(range(16)), 2)])
def test_two_processes_work_quick_messages_and_one_where_there_is_one_processor(
    processors: set[int], workers: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: processors)
    assert Settings(Path("nowhere")).workers == workers
    assert Settings(Path("nowhere"), workers=7).workers == 7


def test_the_data_folder_is_the_environments_else_the_users_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("ISTHMUS_DATA", str(tmp_path))
    assert default_data() == tmp_path
    monkeypatch.delenv("ISTHMUS_DATA")
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert default_data() == Path("/var/lib/isthmus")
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "xdg"))
    assert default_data() == tmp_path / "xdg" / "isthmus"


def test_the_working_folders_channels_come_before_the_shipped_ones(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, root: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    assert shipped("channels") == root / "channels"
    (tmp_path / "channels").mkdir()
    assert shipped("channels") == tmp_path / "channels"
