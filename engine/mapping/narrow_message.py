"""A mapping of whole messages (`segments:`) narrowed to what a document holds, as rules of resources are (`specialise.py`).

What it writes is small and its tests are many: of the dozen ways a result may be told, a document holds one or two.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator

from engine.mapping import bound
from engine.mapping.specialise import Present, of_value, pruned
from engine.types import Scope

KEPT = 64  # narrowed mappings of one mapping
SHAPES = 1024  # shapes of documents remembered
Fill = Callable[..., object]


class NarrowMessage:
    """Chooses what writes a document's message: what was made for what it holds, else the whole."""

    __slots__ = ("_known", "_make", "_message", "_names", "_shapes", "_whole")

    def __init__(self, message: bound.Object, make: Callable[[bound.Object], Fill]) -> None:
        self._message, self._make = message, make
        self._names = frozenset(of_paths(message))
        self._known: dict[frozenset[str], Fill] = {}
        self._shapes: dict[Hashable, Fill] = {}
        self._whole: Fill | None = None

    @property
    def whole(self) -> Fill:
        """What writes any document; made when it is first wanted."""
        if self._whole is None:
            self._whole = self._make(self._message)
        return self._whole

    def choose(self, scope: Scope) -> Fill:
        """The narrowed form; the whole for documents that do not tell what they hold."""
        told = getattr(scope, "shape", None)
        if told is None:
            return self.whole
        shape = told(())
        found = self._shapes.get(shape)
        if found is None:
            if len(self._shapes) >= SHAPES:
                self._shapes.clear()
            found = self._shapes[shape] = self._narrow(self._names & scope.valued)  # type: ignore[attr-defined]  # told with the shape
        return found

    def _narrow(self, held: frozenset[str]) -> Fill:
        found = self._known.get(held)
        if found is None:
            if len(self._known) >= KEPT:
                return self.whole
            present: Present = lambda name: name in held or name not in self._names  # noqa: E731
            narrow = pruned(self._message, present)
            found = self._known[held] = self._make(narrow) if narrow is not None else self.whole
        return found


def of_paths(message: bound.Object) -> Iterator[str]:
    """The names by which a message's paths tell whether they can give anything; those of its groups do not tell."""
    groups = {variant.each.rpartition("/")[2] for variant in variants(message)}
    yield from (name for name in of_value(message) if name and name not in groups)


def variants(value: bound.Value | bound.Fixed | bound.Object) -> Iterator[bound.Variant]:
    """Every variant of everything below."""
    if isinstance(value, bound.Object):
        for entry in value.entries:
            for one in entry.variants:
                yield one
                yield from variants(one.value)
