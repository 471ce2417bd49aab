"""Which valued fields of real messages no rule of a mapping reads. Fields are told by name only, never by value."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from engine.fault import Fault
from engine.mapping.mapping import Mapping
from engine.mapping.specialise import names


@dataclass(frozen=True, slots=True)
class Unread:
    """A field that is sent and not read, and in how many of the messages."""

    field: str
    messages: int


@dataclass(frozen=True, slots=True)
class Coverage:
    """What a mapping reads of the messages it was shown."""

    mapping: str
    messages: int
    unreadable: int
    read: int  # different fields that are valued somewhere and read
    unread: tuple[Unread, ...]  # the most frequent first

    def as_dict(self) -> dict[str, object]:
        """The same as plain JSON."""
        unread = [{"field": one.field, "messages": one.messages} for one in self.unread]
        counts = {"messages": self.messages, "unreadable": self.unreadable, "read": self.read}
        return {"mapping": self.mapping, **counts, "unread": unread}


def coverage(mapping: Mapping, bodies: Iterable[bytes]) -> Coverage:
    """Counts over messages. A format whose scopes do not tell what they hold (`Scope.valued`) has nothing unread."""
    known = read_by(mapping)
    sent: Counter[str] = Counter()
    messages = unreadable = 0
    for body in bodies:
        scope = mapping.plan.format.parse(body)
        if isinstance(scope, Fault):
            unreadable += 1
            continue
        messages += 1
        valued: set[str] = getattr(scope, "valued", set())
        sent.update(name for name in valued if "-" in name)  # fields, not segments and groups
    unread = sorted((Unread(name, times) for name, times in sent.items() if name not in known), key=_order)
    return Coverage(mapping.name, messages, unreadable, len(known & set(sent)), tuple(unread))


def read_by(mapping: Mapping) -> set[str]:
    """The fields a mapping reads, in values, tests and keys."""
    keys = {getattr(path, "stands", path.text) for path, _ in mapping.plan.paths}
    return {str(name) for name in keys} | set(names(mapping.plan))


def _order(one: Unread) -> tuple[int, str, int]:
    segment, _, number = one.field.partition("-")
    return -one.messages, segment, int(number) if number.isdigit() else 0
