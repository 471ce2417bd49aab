"""A plug-in's options from a file: its dataclass says what may be written, of which type, and what is left out.

Names may be written with spaces or underscores. A single text fills the first field, so `map: oru_r01` is complete. Values of the
environment are put in for `${NAME}` and `${NAME:-default}`, in values only.
"""

from __future__ import annotations

import dataclasses
import re
import types
import typing
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

from engine.diagnostic import Diagnostic, Span, did_you_mean, nearest
from engine.document import Items, Node, Pairs, Text

_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\}")
_BRACED = re.compile(r"\$\{[^}]*\}?")
YES, NO = ("true", "yes"), ("false", "no")
_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|m|h|d|w|seconds?|minutes?|hours?|days?|weeks?)")
_SECONDS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}


@dataclass(slots=True)
class Reading:
    """What one file's reading needs and gathers."""

    environment: Mapping[str, str]
    found: list[Diagnostic] = field(default_factory=list)

    def say(self, code: str, text: str, at: Span, help: str = "") -> None:
        """Notes an error."""
        self.found.append(Diagnostic(code, text, at, help))

    def text(self, node: Text) -> str:
        """The text with the environment's values put in."""

        def value(match: re.Match[str]) -> str:
            name, default = match.group(1), match.group(2)
            if name in self.environment:
                return self.environment[name]
            if default is None:
                self.say("E224", f"{name} is not set in the environment", node.at, f"set it, or write a default: ${{{name}:-…}}")
            return default or ""

        for odd in _BRACED.findall(_VARIABLE.sub("", node.text)):
            help = "a name is letters, digits and underscores: ${EHR_HOST}, or ${EHR_HOST:-default}"
            self.say("E224", f"{odd} names no variable of the environment", node.at, help)
        return _VARIABLE.sub(value, node.text)

    def yes(self, node: Node | None, key: str, code: str) -> bool:
        """Whether a key says yes; it does where it is left out."""
        if node is None:
            return True
        word = self.text(node).strip() if isinstance(node, Text) else ""
        if word not in YES and word not in NO:
            self.say(code, f"{key} says neither yes nor no", node.at, "one of true, false, yes or no")
        return word not in NO


def build(kind: type, node: Node | None, reading: Reading, at: Span, name: str = "") -> Any | None:
    """An instance of a plug-in's dataclass, which people know by `name`, or None with the findings noted."""
    shown = name or kind.__name__.lower()
    meant: set[str] = set()
    fields = {each.name: each for each in dataclasses.fields(kind) if each.init} if dataclasses.is_dataclass(kind) else {}
    hints = typing.get_type_hints(kind)
    before = len(reading.found)
    given: dict[str, Any] = {}
    if isinstance(node, Pairs):
        for key, value in node:
            option = field_name(key.text)
            option = f"{option}_" if f"{option}_" in fields else option  # `if` is a word of Python's own
            if option not in fields:
                meant.add(nearest(option, fields))
                near = did_you_mean(option, fields).replace("_", " ") or _known(fields)
                reading.say("E221", f"{shown} has no option {key.text}", key.at, near)
                continue
            given[option] = convert(hints[option], value, reading)
    elif node is not None and not (isinstance(node, Text) and not node.text):
        if not fields:
            reading.say("E221", f"{shown} has no options", node.at)
            return None
        first = next(iter(fields))
        given[first] = convert(hints[first], node, reading)
    for option, each in fields.items():
        missing = option not in given and each.default is dataclasses.MISSING and each.default_factory is dataclasses.MISSING
        if missing and option not in meant:  # else it is misspelt, which is said already
            reading.say("E223", f"{option.replace('_', ' ')} must be given", at, _known(fields))
    return kind(**given) if len(reading.found) == before else None


def field_name(option: str) -> str:
    """The field of an option as it is written, with spaces or hyphens."""
    return option.replace(" ", "_").replace("-", "_")


def _known(fields: Mapping[str, Any]) -> str:
    return f"its options: {', '.join(name.replace('_', ' ') for name in fields)}" if fields else ""


def convert(hint: Any, node: Node, reading: Reading) -> Any:
    """A node as a Python value of an annotation; a misfit is noted and None is returned."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (types.UnionType, typing.Union):
        inner = [each for each in arguments if each is not type(None)]
        if type(None) in arguments and isinstance(node, Text) and node.text in ("", "none") and not node.quoted:
            return None
        fitting = (
            [each for each in inner if dataclasses.is_dataclass(each) or typing.get_origin(each)]
            if isinstance(node, Pairs | Items)
            else inner
        )
        return convert((fitting or inner)[0], node, reading)
    if dataclasses.is_dataclass(hint) and isinstance(hint, type):
        return build(hint, node, reading, node.at)
    if origin in (tuple, list):
        items = node.items if isinstance(node, Items) else (node,)
        return tuple(convert(arguments[0], item, reading) for item in items)
    if origin in (dict, Mapping) or (origin is not None and isinstance(origin, type) and issubclass(origin, Mapping)):
        if isinstance(node, Pairs):
            return {key.text: convert(arguments[1], value, reading) for key, value in node}
        reading.say("E222", "names with values are wanted here", node.at, "for example { a: 1, b: 2 }")
        return None
    if not isinstance(node, Text):
        reading.say("E222", "a single value is wanted here", node.at)
        return None
    return _scalar(hint, origin, arguments, node, reading)


def _scalar(hint: Any, origin: Any, arguments: tuple[Any, ...], node: Text, reading: Reading) -> Any:
    text = reading.text(node)
    if origin is typing.Literal:
        if text in arguments:
            return text
        near = did_you_mean(text, arguments)
        reading.say("E222", f"{text!r} is none of {', '.join(map(str, arguments))}", node.at, near)
        return None
    if hint in (str, Any):
        return text
    if hint is bool and text in (*YES, *NO):
        return text in YES
    if hint is int and re.fullmatch(r"-?\d{1,18}", text):
        return int(text)
    if hint is int and (size := re.fullmatch(r"(\d{1,9})\s*(kB|MB|GB|KiB|MiB|GiB)", text)):
        return int(size.group(1)) * (1024 if "i" in size.group(2) else 1000) ** ("KMG".index(size.group(2)[0].upper()) + 1)
    if hint in (float, Decimal):
        try:
            return hint(Decimal(text)) if Decimal(text).is_finite() else _misfit(hint, text, node, reading)
        except InvalidOperation:
            if hint is float and (span := duration(text)) is not None:
                return span.total_seconds()
    if hint is timedelta and (span := duration(text)) is not None:
        return span
    return _misfit(hint, text, node, reading)


def _misfit(hint: Any, text: str, node: Text, reading: Reading) -> None:
    wanted = {bool: "true or false", int: "a whole number, or a size such as 16 MiB", float: "a number or a time such as 30s", Decimal: "a number",
              timedelta: "a time such as 30s, 5m, 2h or 7d"}.get(hint, getattr(hint, "__name__", str(hint)))  # fmt: skip
    reading.say("E222", f"{text!r} does not fit here", node.at, f"wanted: {wanted}")


def duration(text: str) -> timedelta | None:
    """`90s`, `5m`, `24h`, `7 days`; None when it is no time, or more than can be counted."""
    match = _DURATION.fullmatch(text.strip())
    if match is None:
        return None
    unit = match.group(2)
    try:
        return timedelta(seconds=float(match.group(1)) * _SECONDS[unit if unit in _SECONDS else unit[0]])
    except OverflowError:
        return None
