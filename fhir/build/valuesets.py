"""Value sets of the definitions, expanded to their codes where the definitions hold them all."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

JSON = dict[str, Any]
Codes = frozenset[tuple[str, str]]  # (system, code)


class Open(Exception):
    """The set cannot be listed from the definitions alone: UCUM, languages, media types."""


class Expander:
    """Expands value sets; answers are kept."""

    def __init__(self, value_sets: Iterable[JSON], code_systems: Iterable[JSON]) -> None:
        self.value_sets = {found["url"]: found for found in value_sets}
        self.code_systems = {found["url"]: found for found in code_systems}
        self.known: dict[str, Codes | None] = {}

    def expand(self, url: str) -> Codes | None:
        """All (system, code) pairs of a value set, or None when they cannot be listed."""
        name = url.split("|", maxsplit=1)[0]
        if name not in self.known:
            self.known[name] = None  # a set that names itself cannot be listed
            try:
                self.known[name] = self._compose(self.value_sets[name]["compose"])
            except (Open, KeyError):
                self.known[name] = None
        return self.known[name]

    def _compose(self, compose: JSON) -> Codes:
        found: set[tuple[str, str]] = set()
        for part in compose["include"]:
            found |= self._include(part)
        for part in compose.get("exclude", ()):
            found -= self._include(part)
        return frozenset(found)

    def _include(self, part: JSON) -> set[tuple[str, str]]:
        sets: list[set[tuple[str, str]]] = []
        for url in part.get("valueSet", ()):
            inner = self.expand(url)
            if inner is None:
                raise Open(url)
            sets.append(set(inner))
        if "system" in part:
            sets.append(self._system(part))
        return set.intersection(*sets)

    def _system(self, part: JSON) -> set[tuple[str, str]]:
        system = part["system"]
        if "concept" in part:
            return {(system, concept["code"]) for concept in part["concept"]}
        definition = self.code_systems.get(system)
        if definition is None or definition["content"] != "complete":
            raise Open(system)
        keep = [_test(rule) for rule in part.get("filter", ())]
        found: set[tuple[str, str]] = set()

        def walk(concepts: Iterable[JSON], above: tuple[str, ...]) -> None:
            for concept in concepts:
                line = (*above, concept["code"])
                if all(test(line) for test in keep):
                    found.add((system, concept["code"]))
                walk(concept.get("concept", ()), line)

        walk(definition.get("concept", ()), ())
        return found


def _test(rule: JSON) -> Callable[[tuple[str, ...]], bool]:
    """One filter as a test of a concept's line of ancestors, itself last."""
    value = rule["value"]
    if rule["op"] == "is-a":
        return lambda line: value in line
    if rule["op"] == "descendent-of":
        return lambda line: value in line[:-1]
    raise Open(rule["op"])
