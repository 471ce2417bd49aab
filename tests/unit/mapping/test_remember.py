"""What rules remember: bounded, never what was refused, nothing for texts that are too long."""

from __future__ import annotations

from typing import Any

from engine.fault import Fault, Kind
from engine.mapping import remember
from engine.mapping.remember import Memory, remembered
from engine.mapping.run import Run


class Path:
    """A path that only has to be there."""

    text = "X-1"


def memory() -> Memory:
    return Memory(lambda paths: lambda scope: scope)  # the scope itself is the key


def counting(made: list[Any]) -> Any:
    def make(scope: Any, run: Run) -> Any:
        made.append(scope)
        return {"made": scope}

    return make


def test_what_was_made_is_given_again_as_the_same_object() -> None:
    made: list[Any] = []
    rule = remembered(memory(), iter((Path(),)), counting(made))
    assert rule("a", Run()) is rule("a", Run())
    assert made == ["a"]


def test_two_rules_do_not_share_what_they_remember() -> None:
    kept = memory()
    one = remembered(kept, iter((Path(),)), lambda scope, run: 1)
    other = remembered(kept, iter((Path(),)), lambda scope, run: 2)
    assert (one("a", Run()), other("a", Run())) == (1, 2)


def test_what_raised_a_fault_is_made_anew_each_time() -> None:
    made: list[Any] = []

    def refuse(scope: Any, run: Run) -> None:
        made.append(scope)
        run.faults.append(Fault(Kind.INCORRECT, "E401", "not readable"))

    rule = remembered(memory(), iter((Path(),)), refuse)
    runs = [Run(), Run()]
    for run in runs:
        rule("a", run)
    assert len(made) == 2
    assert all(len(run.faults) == 1 for run in runs)


def test_a_memory_is_bounded_and_forgets_the_oldest() -> None:
    made: list[Any] = []
    rule = remembered(memory(), iter((Path(),)), counting(made))
    for number in range(remember.MOST + 1):
        rule(str(number), Run())
        rule(str(number), Run())  # each comes twice, so that remembering pays
    made.clear()
    rule(str(remember.MOST), Run())
    assert made == []
    rule("0", Run())
    assert made == ["0"]


def test_a_rule_that_makes_new_values_nearly_each_time_stops_remembering() -> None:
    made: list[Any] = []
    rule = remembered(memory(), iter((Path(),)), counting(made))
    for number in range(remember.WATCHED + 10):
        rule(str(number), Run())
    last = str(remember.WATCHED + 5)
    made.clear()
    rule(last, Run())
    assert made == [last]


def test_long_texts_are_not_kept() -> None:
    made: list[Any] = []
    rule = remembered(memory(), iter((Path(),)), counting(made))
    long = (1, ("x" * remember.LONGEST, "y"))
    rule(long, Run())
    rule(long, Run())
    assert len(made) == 2


def test_a_rule_with_a_reference_is_not_remembered_by_its_texts_alone() -> None:
    def make(scope: Any, run: Run) -> str:
        return "made"

    assert remembered(memory(), iter((Path(), None)), make) is make
