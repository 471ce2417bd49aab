"""What rules remember: bounded, never what was refused, nothing for texts that are too long."""

from __future__ import annotations

from typing import Any

from engine.fault import Fault, Kind
from engine.mapping import remember
from engine.mapping.remember import Making, Memory
from engine.mapping.run import Run


class Rule:
    """A rule that looks a value up and makes it when it is not known."""

    def __init__(self, memory: Memory, make: Any) -> None:
        self.memory, self.mark = memory, memory.mark()
        self.make = Making(memory, make)

    def __call__(self, text: Any, run: Run) -> Any:
        key = (self.mark, text)
        found = self.memory.get(key, self)
        return self.make(key, text, run) if found is self else found


def counting(made: list[Any]) -> Any:
    def make(scope: Any, run: Run) -> Any:
        made.append(scope)
        return {"made": scope}

    return make


def test_what_was_made_is_given_again_as_the_same_object() -> None:
    made: list[Any] = []
    rule = Rule(Memory(), counting(made))
    assert rule("a", Run()) is rule("a", Run())
    assert made == ["a"]


def test_a_whole_resource_that_comes_once_takes_no_room() -> None:
    kept = Memory()
    for number in range(remember.MET + 10):
        kept.keep_again(number, "once")
    assert all(kept.get(number) is None for number in range(remember.MET + 10))
    kept.keep_again("a", "first")
    kept.keep_again("a", "second")
    assert kept.get("a") == "second"


def test_texts_that_stand_in_many_keys_are_kept_once() -> None:
    kept = Memory()
    for number in range(3):
        kept.keep((number, "".join(("mm", "ol/L")), f"{number}.5"), number)
    units = [key[1] for key in kept._kept]
    assert units == ["mmol/L"] * 3
    assert units[0] is units[1] is units[2]
    for number in range(2 * remember.TEXTS):
        kept.keep((0, str(number)), number)
    assert len(kept._texts) <= remember.TEXTS + 1


def test_two_rules_do_not_share_what_they_remember() -> None:
    kept = Memory()
    one = Rule(kept, lambda scope, run: 1)
    other = Rule(kept, lambda scope, run: 2)
    for _ in range(2):
        one("a", Run())
        other("a", Run())
    assert (one("a", Run()), other("a", Run())) == (1, 2)


def test_what_raised_a_fault_is_made_anew_each_time() -> None:
    made: list[Any] = []

    def refuse(scope: Any, run: Run) -> None:
        made.append(scope)
        run.faults.append(Fault(Kind.INCORRECT, "E401", "not readable"))

    rule = Rule(Memory(), refuse)
    runs = [Run(), Run(), Run()]
    for run in runs:
        rule("a", run)
    assert len(made) == 3
    assert all(len(run.faults) == 1 for run in runs)


def test_a_memory_is_bounded_and_forgets_the_oldest() -> None:
    made: list[Any] = []
    rule = Rule(Memory(), counting(made))
    for number in range(remember.MOST + 1):
        rule(str(number), Run())
        rule(str(number), Run())  # each comes twice, so that remembering pays
    made.clear()
    rule(str(remember.MOST), Run())
    assert made == []
    rule("0", Run())
    assert made == ["0"]


def test_long_texts_are_not_kept() -> None:
    made: list[Any] = []
    rule = Rule(Memory(), counting(made))
    long = (1, ("x" * remember.LONGEST, "y"))
    for _ in range(3):
        rule(long, Run())
    assert len(made) == 3
