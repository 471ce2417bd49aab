"""The facts a resource states: (path, value) pairs without ids, extensions, narrative and places in lists.

A value is compared as people mean it: times as instants to their precision, decimals by their digits, systems by what they name. A
reference states only the type it points to.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from urllib.parse import unquote

JSON = dict[str, Any]
LEFT_OUT = frozenset({"id", "extension", "modifierExtension", "resourceType", "contained", "lastUpdated"})
TIME = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(\.\d+)?(Z|[+-]\d\d:\d\d)\Z")
LOCAL = re.compile(r"urn:id:(L|99.*)\Z|.*v2-0396-99zzzorL\Z", re.IGNORECASE)


@dataclass(frozen=True, slots=True, order=True)
class Fact:
    """One thing a resource says; `shown` is the value as it stands."""

    path: str
    value: str
    shown: str = ""

    @property
    def key(self) -> tuple[str, str]:
        """What two equal facts have in common."""
        return self.path, self.value


def facts(resource: JSON) -> list[Fact]:
    """Every fact of a resource, sorted."""
    return sorted(_walk(resource, resource.get("resourceType", "")))


def _walk(value: Any, path: str) -> Iterator[Fact]:
    if isinstance(value, dict):
        for name, part in value.items():
            if name in LEFT_OUT or name.startswith("_"):
                continue
            if name == "div" or (name == "status" and path.endswith(".text") and "div" in value):
                continue
            if name == "reference":
                yield Fact(path, "-> " + str(part).partition("/")[0], str(part))
            elif name == "type" and "reference" in value:
                continue
            else:
                yield from _walk(part, f"{path}.{name}")
    elif isinstance(value, list):
        for part in value:
            yield from _walk(part, path)
    elif value is not None and str(value).strip():
        yield Fact(path, plain(path, value), _shown(value))


def _shown(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def plain(path: str, value: Any) -> str:
    """A value in the form in which equal ones are equal."""
    text = _shown(value).strip()
    if isinstance(value, (int, float, Decimal)):
        return text
    if path.endswith(".system"):
        return system(text)
    match = TIME.match(text)
    if match:
        fraction = (match[2] or "").rstrip("0").rstrip(".")
        at = datetime.fromisoformat(match[1] + ("+00:00" if match[3] == "Z" else match[3]))
        return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S") + fraction
    return text


def system(uri: str) -> str:
    """What a system URI names: a local name without its wrapping, a slash at the end and https as people ignore them."""
    if LOCAL.match(uri):
        return "local"
    return unquote(uri.removeprefix("urn:id:")).replace("https://", "http://").rstrip("/")


def clock(text: str) -> str:
    """A time without its offset, to see whether two differ in nothing else."""
    match = TIME.match(text)
    return match[1] + (match[2] or "").rstrip("0").rstrip(".") if match else text
