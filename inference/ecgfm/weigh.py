"""How much a pickle's tuples weigh before it is read: tuples of tuples, each held twice, cost a reader that hashes them for ever.

The stack is followed as the pickle machine would keep it, with numbers in place of values. Source: CPython's pickletools, which states
what each opcode takes from the stack and leaves there.
"""

from __future__ import annotations

import pickletools
from typing import Any

HEAVIEST = 1_000_000
TUPLES = {"TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}
GETS, PUTS = frozenset({"GET", "BINGET", "LONG_BINGET"}), frozenset({"PUT", "BINPUT", "LONG_BINPUT"})
HOLDS = frozenset({"TUPLE", "FROZENSET", "REDUCE", "NEWOBJ", "NEWOBJ_EX", "BUILD", *TUPLES})  # may be hashed by what they hold


class Weights:
    """The stack and memo of a pickle, each value as the number of values a hash of it would visit."""

    def __init__(self) -> None:
        self.stack: list[int | None] = []  # None is a mark
        self.memo: dict[int, int | None] = {}

    def step(self, opcode: Any, argument: Any) -> bool:
        """Follows one opcode; False when something grows too heavy. Raises IndexError or KeyError where a value is missing."""
        name = opcode.name
        if name == "MARK":
            self.stack.append(None)
        elif name in GETS:
            self.stack.append(self.memo[argument])
        elif name in PUTS:
            self.memo[argument] = self.stack[-1]
        elif name == "MEMOIZE":
            self.memo[len(self.memo)] = self.stack[-1]
        elif name == "DUP":
            self.stack.append(self.stack[-1])
        else:
            taken = self._taken(opcode)
            weight = 1 + sum(one or 0 for one in taken) if name in HOLDS else 1
            self.stack.extend([weight] * len(opcode.stack_after))
            return weight <= HEAVIEST
        return True

    def _taken(self, opcode: Any) -> list[int | None]:
        before = opcode.stack_before
        out: list[int | None] = []
        if pickletools.markobject in before:
            while (one := self.stack.pop()) is not None:
                out.append(one)
            before = before[: before.index(pickletools.markobject)]
        return out + [self.stack.pop() for _ in before]
