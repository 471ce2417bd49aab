"""What the engine tells a process that works for it never waits for that process, which may stand still."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from engine.live import Live
from engine.settings import Settings
from engine.workers import Crew
from engine.workers.member import Member
from engine.workers.wire import Wire, pair

MANY = 5000  # words; a Unix socket holds a few hundred that nobody reads


@pytest.mark.timeout(20)
def test_a_process_that_stands_still_keeps_nobody_who_wakes_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    far: list[Wire] = []

    def fork(member: Member, live: Live, before: object) -> None:
        ours, theirs = pair()
        member._wire = Wire(ours)
        far.append(Wire(theirs))

    monkeypatch.setattr(Member, "fork", fork)
    settings = Settings(data=tmp_path, workers=1)
    crew = Crew(settings, Live(settings))
    for _ in range(MANY):
        crew.wake([False])
    crew.outdate("subscriptions")  # what must arrive still has room
    told = [far[0].receive()[0]]
    while told[-1] != "stale":
        told.append(far[0].receive()[0])
    assert set(told[:-1]) == {"wake"}
    assert far[1].receive()[0] == "spare"


@pytest.mark.timeout(20)
def test_a_hint_does_not_wait_behind_what_nobody_reads() -> None:
    near, far = (Wire(end) for end in pair())
    large = threading.Thread(target=near.send, args=("deploy", bytes(4_000_000)))
    large.start()
    while not near._sending.locked():
        pass
    for _ in range(20):
        near.hint("wake")
    assert large.is_alive()
    assert far.receive()[0] == "deploy"
    large.join()
    near.hint("wake")
    assert far.receive()[0] == "wake"
