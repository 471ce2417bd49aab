"""What is known where a rule stands: the two ends, tables, functions, names, and what its conditions have already settled."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from engine.diagnostic import Diagnostic, Span
from engine.fault import Fault
from engine.mapping.functions import Function
from engine.mapping.ports import Convert, Converters, Model
from engine.mapping.tables import Table
from engine.types import Format, Path


@dataclass(frozen=True, slots=True)
class Ends:
    """Everything a mapping may name. Built once for a folder."""

    format: Format
    structure: str
    model: Model
    converters: Sequence[Converters]
    tables: Mapping[str, Table]
    functions: Mapping[str, Function]

    def converter(self, source: str, target: str) -> Convert | None:
        """The first plug-in's function for a pair of types; a type to itself is no conversion."""
        found = next((made for one in self.converters if (made := one.converter(source, target)) is not None), None)
        if found is None:
            return _same if source == target and source else None
        whole = getattr(self.model, "whole", None)  # of a model whose converters' lists are one value each, not several
        ready: Convert = found if whole is None else whole(found)
        return ready


def _same(value: object) -> object:
    return value


@dataclass(slots=True)
class Notes:
    """What binding collects as it goes: findings, the paths read, the names and tables used."""

    found: list[Diagnostic] = field(default_factory=list)
    paths: list[tuple[Path, str]] = field(default_factory=list)
    referred: set[str] = field(default_factory=set)
    tables: set[str] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class Context:
    """The place of a rule: the group it reads from, the element it writes, the types its conditions settle."""

    ends: Ends
    notes: Notes
    group: str = ""  # ORDER_OBSERVATION/OBSERVATION
    element: str = ""  # Observation.valueQuantity
    names: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # resource names, with the types they make
    settled: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # OBX-2: (NM,)
    resource: str = ""  # what the resource written is called
    lost: bool = False  # inside an `each` of nothing: its paths are not judged

    def say(self, code: str, text: str, at: Span, help: str = "", severity: str = "error") -> None:
        """Notes a finding."""
        self.notes.found.append(Diagnostic(code, text, at, help, severity))

    def inside(self, group: str) -> Context:
        """The same place, read from inside a group, a segment or a field."""
        return replace(self, group=f"{self.group}/{group}" if self.group else group) if group else self

    def below(self, element: str) -> Context:
        """The place of an element below."""
        return replace(self, element=f"{self.element}.{element}" if self.element else element)

    def path(self, text: str, at: Span) -> Path | None:
        """The compiled path; a finding and None when it does not exist."""
        if self.lost:
            return None
        path = self.ends.format.path(text, self.ends.structure, self.group)
        if isinstance(path, Fault):
            self.say("E302", path.text, at, path.help)
            return None
        self.notes.paths.append((path, self.group))
        return path
