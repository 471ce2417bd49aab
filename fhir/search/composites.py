"""Conditions of composite parameters: on the resource itself all parts hold; on an element that repeats all of the same one."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace

from engine.fault import Fault
from fhir.search import compare
from fhir.search.body import jsonpath
from fhir.search.coded import BARE
from fhir.search.composite import keeper
from fhir.search.composite import prefix as before
from fhir.search.hashing import number, tag, unique
from fhir.search.measured import DOUBLE, Mark, measured
from fhir.search.parameters import Component, Parameter, parameters
from fhir.search.texts import bad, plainly, split
from fhir.search.values import period
from fhir.search.where import Where, every, exact, ranged, some

Single = Callable[[str, Parameter, str, str, str], "Where | Fault"]  # the condition of one alternative (terms.single)


def composite(type: str, parameter: Parameter, value: str, base: str, single: Single) -> Where | Fault:
    """`first$second`, by the whole resource and by each element that the parameter may stand for."""
    parts = split(value, "$")
    if len(parts) != len(parameter.components):
        return bad(parameter.name, "as many values as the composite has parts, with `$` between")
    inner = tuple(path for path in parameter.paths if path.names)
    found: list[Where] = []
    if len(inner) < len(parameter.paths):
        whole = [
            single(type, Parameter(component.name, component.kind, component.paths, ()), "", part, base)
            for component, part in zip(parameter.components, parts, strict=True)
        ]
        fault = next((one for one in whole if isinstance(one, Fault)), None)
        if fault is not None:
            return fault
        found.append(every([one for one in whole if isinstance(one, Where)]))
    if inner:
        held = replace(parameter, paths=inner)
        same = together(type, held, parts) if len(parts) == 2 else numbered(type, held, parts, base, single)
        if isinstance(same, Fault):
            return same
        found.append(same)
    return some(found)


def together(type: str, parameter: Parameter, parts: list[str]) -> Where | Fault:
    """Both values in one repetition of an element."""
    found = []
    for path in parameter.paths:
        first, second = keeper(type, parameters(type)[parameter.name], path).components
        left, prefix = forms(first, parts[0]), before(first, second, path)
        if second.kind in ("quantity", "number", "date"):
            held = measured(parts[1]) if second.kind != "date" else dated(parts[1])
            if held is None:
                return bad(parameter.name, "not a value of its second part")
            mark, test, values = held
            for one in left:
                for other in second.paths:
                    packed = b"\x00\x00\x00\x08" + DOUBLE.pack(mark(other.id))
                    found.append(ranged(tag(f"{prefix}|{one.hex()}|{packed.hex()}"), test, values))
        else:
            numbers = [number(f"{prefix}|{one.hex()}|{other.hex()}") for one in left for other in forms(second, parts[1])]
            found.append(exact(numbers))
    return some(found)


def numbered(type: str, parameter: Parameter, parts: list[str], base: str, single: Single) -> Where | Fault:
    """A token of the resource and numbers of one element: places in a sequence. The body tells, on rows that the token found."""
    head, *rest = parameter.components
    first = single(type, parameters(type)[head.name], "", parts[0], base)
    if isinstance(first, Fault):
        return first
    tests: list[str] = []
    values: dict[str, float] = {}
    for place, (component, text) in enumerate(zip(rest, parts[1:], strict=True)):
        prefix, digits = compare.prefixed(text)
        wanted = compare.decimal(digits)
        if component.kind != "number" or wanted is None:
            return bad(parameter.name, "not a number")
        ends = compare.around(prefix, *[float(end) for end in compare.window(prefix, wanted)])
        test, held = compare.test(prefix, *ends)
        at = "@." + ".".join(f'"{name}"' for name in component.paths[0].names)
        for index, value in enumerate(held):
            test = test.replace("%s", f"$v{place}{index}", 1)
            values[f"v{place}{index}"] = value
        tests.append(
            f"({test})".replace("low ", f"{at} ").replace("high ", f"{at} ").replace(" and ", " && ").replace("not ", "!")
        )
    sql = "jsonb_path_exists(r.body::jsonb, %s::jsonpath, %s::jsonb)"
    paths = [f"{jsonpath(path)} ? ({' && '.join(tests)})" for path in parameter.paths]
    return every([first, some([Where(sql, (path, json.dumps(values))) for path in paths])])


def dated(value: str) -> tuple[Mark, str, tuple[float, ...]] | None:
    """As `measured`, for a date."""
    head, text = compare.prefixed(value)
    covered = period(text)
    if covered is None:
        return None
    test, values = compare.test(head, float(covered[0]), float(covered[1]))
    return tag, test, values


def forms(component: Component, value: str) -> list[bytes]:
    """The entries a token or string of a composite's part may have left."""
    parts = [plainly(part) for part in split(value, "|")]
    return [unique(f"{path.id}|{'|'.join(parts) if path.type not in BARE else parts[-1]}") for path in component.paths]
