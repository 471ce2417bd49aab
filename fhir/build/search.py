"""Writes `fhir/tables/search.json`: every search parameter of the R4 definitions, its expression resolved to plain paths.

By resource type, a parameter is [name, kind, paths, targets, components]; a path is [element names, type of the last one,
filter, reference target]; a component of a composite is [name, kind, paths below the composite's own].
"""

from __future__ import annotations

import re
from typing import Any

from fhir import model
from fhir.build.definitions import each

JSON = dict[str, Any]
Path = list[Any]
CAST = re.compile(r"^\(?(?P<path>[\w.\[\]]+?)(?: as (?P<cast>\w+)\)?|\.as\((?P<cast2>\w+)\)|\)?)(?P<rest>(?:\.\w+)*)$")
WHERE = re.compile(r"\.where\((?P<key>\w+)='(?P<value>[^']*)'\)")
RESOLVE = re.compile(r"\.where\(resolve\(\) is (?P<type>\w+)\)")
EXISTS = re.compile(r"^(?P<path>[\w.]+)\.exists\(\) and .*$")
PLAIN = ("name", "alias", "id")


def table() -> JSON:
    """The whole table."""
    found: dict[str, dict[str, list[Any]]] = {name: {} for name in ("Resource", *model.resources())}
    definitions = [one for one in each("SearchParameter") if usable(one)]
    by_url = {one["url"]: one for one in definitions}
    for one in definitions:
        for base in one["base"]:
            if base in found:
                row = compiled(one, base, by_url)
                if row[2]:
                    found[base][one["code"]] = row
    return {name: dict(sorted(rows.items())) for name, rows in found.items() if rows}


def usable(one: JSON) -> bool:
    """Whether a definition names elements of R4 itself; those on extensions are left out."""
    return "expression" in one and "-extensions-" not in one["id"] and "extension(" not in one["expression"]


def compiled(one: JSON, base: str, by_url: dict[str, JSON]) -> list[Any]:
    """One parameter of one type."""
    parts = [part.strip() for part in one["expression"].split("|")]
    mine = [part for part in parts if re.match(rf"\(?{base}\b", part) or part in PLAIN]
    paths = [path for part in mine for path in resolved(part, base)]
    row: list[Any] = [one["code"], one["type"], unique(paths), sorted(one.get("target", []))]
    if one["type"] == "composite":
        row[2] = unique([p for part in mine for p in whole(part, base)])
        row.append([component(c, base, row[2], by_url) for c in one["component"]])
    return row


def unique(paths: list[Path]) -> list[Path]:
    """The paths, each once."""
    return [path for index, path in enumerate(paths) if path not in paths[:index]]


def resolved(part: str, base: str) -> list[Path]:
    """The plain paths of one branch of an expression, below `base`."""
    target = RESOLVE.search(part)
    where = WHERE.search(part)
    there = EXISTS.match(part)
    marker = ""
    if where:
        marker = f"{len(part[: where.start()].strip('(').split('.')) - 2}:{where['key']}={where['value']}"
    if there:
        part, marker = there["path"], "exists"
    plain = WHERE.sub("", RESOLVE.sub("", part))
    match = CAST.match(plain)
    if match is None:
        raise ValueError(part)
    names = re.sub(r"\[0\]", "", match["path"]).split(".")
    names = names[1:] if names[0] == base else names
    cast = match["cast"] or match["cast2"] or ""
    rest = [name for name in match["rest"].split(".") if name]
    found = []
    for heads in walk(base, names, cast):
        for path in walk(base, [*heads, *rest], "") if rest else [heads]:
            kind = type_at(base, path)
            if kind:
                found.append([path, kind, f"{marker}first" if "[0]" in part else marker, target["type"] if target else ""])
    return found


def walk(base: str, names: list[str], cast: str) -> list[list[str]]:
    """All concrete ways through choices: `value` is every member, or the one that is cast to."""
    ways: list[list[str]] = [[]]
    for index, name in enumerate(names):
        last = index == len(names) - 1
        following = []
        for way in ways:
            below = model.children(".".join((base, *way)))
            if name in below:
                following.append([*way, name])
                continue
            for other in below:
                held = model.element(".".join((base, *way, other)))
                if held and held.choice == f"{name}[x]" and (not last or not cast or held.type.lower() == cast.lower()):
                    following.append([*way, other])
        ways = following
    return ways


def type_at(base: str, path: list[str]) -> str:
    """The type of a path's end; the resource itself for no names."""
    if not path:
        return base
    found = model.element(".".join((base, *path)))
    return found.type if found else ""


def whole(part: str, base: str) -> list[Path]:
    """The base path of a composite: often the resource itself."""
    return [[[], base, "", ""]] if part == base else resolved(part, base)


def component(one: JSON, base: str, bases: list[Path], by_url: dict[str, JSON]) -> list[Any]:
    """One part of a composite: the kind of its own definition, its paths below the composite's."""
    definition = by_url[one["definition"]]
    found: list[Path] = []
    for names, _, _, _ in bases:
        for part in one["expression"].split("|"):
            text = part.strip()
            text = text[1:-1] if text.startswith("(") else text
            here = ".".join((base, *names))
            if text.startswith("%resource."):
                far = resolved(f"{base}.{text.removeprefix('%resource.')}", base)
                found += [[["%resource", *path], kind, marker, target] for path, kind, marker, target in far]
                continue
            inner = f"({here}.{text})" if " as " in text else here if text == "$this" else f"{here}.{text}"
            for path, kind, marker, target in resolved(inner, base):
                found.append([path[len(names) :], kind, marker, target])
    return [definition["code"], definition["type"], unique(found)]
