"""A YAML file as text with places: no implicit types, so `NO` stays NO and `1.00` stays 1.00.

Everything a person writes for the engine (channels, mappings, tables, tests) is read here and nowhere else. Aliases may be used
but not multiplied: size, depth and the number of nodes after expansion are bounded. Tags are refused, duplicate keys too.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import yaml

from engine.diagnostic import Diagnostic, Span

MAX_BYTES = 1 << 20
MAX_DEPTH = 40
MAX_NODES = 60_000
_STRAY = re.compile("[\ud800-\udfff]")  # what a byte that is no UTF-8 is read as

_Loader: Any = getattr(yaml, "CBaseLoader", yaml.BaseLoader)


@dataclass(frozen=True, slots=True)
class Text:
    """A scalar, exactly as it is meant. `quoted` tells `"="` from `=`; an empty value is an empty Text."""

    text: str
    at: Span
    quoted: bool = False


@dataclass(frozen=True, slots=True)
class Items:
    """A sequence."""

    items: tuple[Node, ...]
    at: Span


@dataclass(frozen=True, slots=True)
class Pairs:
    """A mapping, in the file's order, each key once."""

    pairs: tuple[tuple[Text, Node], ...]
    at: Span

    def get(self, name: str) -> Node | None:
        """The value of a key, or None."""
        return next((value for key, value in self.pairs if key.text == name), None)

    def key(self, name: str) -> Text | None:
        """The key itself, with its place."""
        return next((key for key, _ in self.pairs if key.text == name), None)

    def names(self) -> tuple[str, ...]:
        """The keys, in order."""
        return tuple(key.text for key, _ in self.pairs)

    def __iter__(self) -> Iterator[tuple[Text, Node]]:
        return iter(self.pairs)


Node = Text | Items | Pairs


@dataclass(slots=True)
class _Reader:
    """Turns composed nodes into ours, counting them."""

    file: str
    lines: list[str]
    found: list[Diagnostic] = field(default_factory=list)
    count: int = 0

    def span(self, node: Any) -> Span:
        start, end = node.start_mark, node.end_mark
        line = self.lines[start.line] if start.line < len(self.lines) else ""
        length = end.column - start.column if end.line == start.line else len(line) - start.column
        return Span(self.file, start.line + 1, start.column + 1, max(1, length))

    def text(self, node: Any) -> Text:
        at = self.span(node)
        if node.style in ('"', "'") and node.start_mark.line == node.end_mark.line:
            at = at.part(1, at.length - 1)
        return Text(node.value, at, bool(node.style))

    def node(self, node: Any) -> Node:
        self.count += 1
        if self.count > MAX_NODES:
            raise _TooMuchError
        if isinstance(node, yaml.ScalarNode):
            return self.text(node)
        if isinstance(node, yaml.SequenceNode):
            return Items(tuple(self.node(item) for item in node.value), self.span(node))
        return self.pairs(node)

    def pairs(self, node: Any) -> Pairs:
        seen: dict[str, Text] = {}
        pairs: list[tuple[Text, Node]] = []
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode):
                self.found.append(Diagnostic("E203", "a key must be plain text", self.span(key)))
                continue
            name = self.text(key)
            if name.text in seen:
                first = seen[name.text].at.line
                help = f"it stands in line {first} already; the second would silently replace the first"
                self.found.append(Diagnostic("E202", f"{name.text} is given twice", name.at, help))
                continue
            seen[name.text] = name
            pairs.append((name, self.node(value)))
        return Pairs(tuple(pairs), self.span(node))


class _TooMuchError(Exception):
    """The nodes are more than a person writes."""


def read(text: str | bytes, file: str) -> tuple[Node | None, list[Diagnostic]]:
    """Reads one document; never raises. The node is None when it cannot be read at all."""
    top = Span(file)
    if len(text) > MAX_BYTES:
        return None, [Diagnostic("E203", f"the file is larger than {MAX_BYTES} bytes", top)]
    plain = (text.decode("utf-8", "surrogateescape") if isinstance(text, bytes) else text).removeprefix("\ufeff")
    lines = plain.splitlines()
    odd = _STRAY.search(plain)
    if odd is not None:
        before = plain[: odd.start()]
        at = Span(file, before.count("\n") + 1, odd.start() - before.rfind("\n"))
        return None, [Diagnostic("E201", "this character is not UTF-8", at, "save the file as UTF-8")]
    try:
        refused = _bounded(plain, file)
        if refused:
            return None, [refused]
        node = _Loader(plain).get_single_node()
        reader = _Reader(file, lines)
        if node is None:
            return None, [Diagnostic("E201", "the file is empty", top)]
        return reader.node(node), reader.found
    except yaml.MarkedYAMLError as error:
        return None, [_unreadable(error, lines, top)]
    except yaml.YAMLError as error:
        return None, [Diagnostic("E201", f"not readable as YAML: {type(error).__name__}", top)]
    except (_TooMuchError, RecursionError):
        return None, [Diagnostic("E203", f"aliases expand to more than {MAX_NODES} values", top, "write the parts out")]


def passed_over(folder: Path, shown: str) -> list[Diagnostic]:
    """Files that nobody reads because of how they end."""
    return [
        Diagnostic("E207", "the file is not read", Span(f"{shown}/{path.name}"), f"call it {path.stem}.yaml", "warning")
        for path in sorted(folder.glob("*.yml"))
    ]


def _bounded(text: str, file: str) -> Diagnostic | None:
    """Counts events without building anything, so that no nesting reaches the composer's recursion."""
    depth = 0
    for count, event in enumerate(yaml.parse(text, Loader=_Loader)):
        start: Any = event.start_mark
        at = Span(file, start.line + 1, start.column + 1)
        if isinstance(event, (yaml.MappingStartEvent, yaml.SequenceStartEvent)):
            depth += 1
        elif isinstance(event, (yaml.MappingEndEvent, yaml.SequenceEndEvent)):
            depth -= 1
        if depth > MAX_DEPTH or count > MAX_NODES:
            return Diagnostic("E203", f"nested deeper than {MAX_DEPTH} or more than {MAX_NODES} values", at)
        tag = getattr(event, "tag", None)
        if tag:
            return Diagnostic("E203", f"tags such as {tag} are not used here", at, "write plain text")
    return None


def _unreadable(error: yaml.MarkedYAMLError, lines: list[str], top: Span) -> Diagnostic:
    """What YAML says, at the line where the slip is: of a key without its colon that is not the line where YAML noticed."""
    key = error.problem == "could not find expected ':'" and error.context == "while scanning a simple key"
    mark: Any = (error.context_mark if key else None) or error.problem_mark or error.context_mark
    at = replace(top, line=mark.line + 1, column=mark.column + 1) if mark else top
    line = lines[at.line - 1] if at.line <= len(lines) else ""
    if "\u00a0" in line:
        at = replace(at, column=line.index("\u00a0") + 1)
    return Diagnostic("E201", f"not readable as YAML: {error.problem or error.context}", at, _yaml_help(error, line, key))


def _yaml_help(error: yaml.MarkedYAMLError, line: str, key: bool) -> str:
    """A hint for the mistakes people make most."""
    if "\t" in line:
        return "indent with spaces, not with tabs"
    if "\u00a0" in line:
        return "there is a no-break space in this line; write a plain one"
    if key:
        word = re.split(r"[\s:=]", line.strip(), maxsplit=1)[0]
        return f"write a key, a colon and a blank behind the colon: `{word}: …`"
    if line.count(": ") > 1 or ": " in line.partition(": ")[2]:
        return 'put text that holds ": " in quotes'
    if error.problem in (
        "did not find expected key",
        "mapping values are not allowed in this context",
        "did not find expected '-' indicator",
    ):
        return "indent this line as deep as the lines it belongs with"
    return ""
