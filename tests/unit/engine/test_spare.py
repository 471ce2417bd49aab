"""Slow work hears that quick messages come, over the wire that a process reads."""

from __future__ import annotations

from pathlib import Path

from engine.live import Live
from engine.settings import Settings
from engine.slow import Slow
from engine.workers.crew import Crew
from engine.workers.member import Member
from engine.workers.process import Process
from engine.workers.wire import Wire, pair


def test_slow_work_leaves_a_processor_while_quick_messages_come(tmp_path: Path) -> None:
    settings = Settings(data=tmp_path)
    crew, far = Crew.__new__(Crew), {}  # its own processes would be forks of the tests
    crew._members, crew._spared = [], 0.0
    for slow in (False, True):
        member = Member(settings, slow, lambda _: None)
        ours, theirs = pair()
        member._wire, far[slow] = Wire(ours), Wire(theirs)
        crew._members.append(member)
    crew.wake((True,))
    crew.wake((False,))
    crew.wake((False,))  # too soon to say so again
    crew.wake((True,))
    assert [far[True].receive()[0] for _ in range(3)] == ["wake", "spare", "wake"]
    assert [far[False].receive()[0] for _ in range(2)] == ["wake", "wake"]
    for wire in (*far.values(), *(member._wire for member in crew._members)):
        wire.close()


def test_a_process_that_hears_so_has_its_processes_spare_one(tmp_path: Path) -> None:
    ours, theirs = pair()
    process = Process(Wire(theirs), Settings(data=tmp_path), Live(Settings(data=tmp_path)), slow=True)
    assert isinstance(process.hands, Slow)
    before = process.hands._spared
    Wire(ours).send("spare")
    name, value = process.wire.receive()
    process.acts[name](value)
    assert process.hands._spared > before
    process.stop()
