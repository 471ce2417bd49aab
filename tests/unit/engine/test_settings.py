"""What an engine is set to where nothing is said."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from engine.settings import Settings


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="the system does not tell which processors are a process's own")
@pytest.mark.parametrize(("processors", "workers"), [({3}, 1), ({0, 1}, 2), (set(range(16)), 2)])
def test_two_processes_work_quick_messages_and_one_where_there_is_one_processor(
    processors: set[int], workers: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: processors)
    assert Settings(Path("nowhere")).workers == workers
    assert Settings(Path("nowhere"), workers=7).workers == 7
