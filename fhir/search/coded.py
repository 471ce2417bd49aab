"""Token parameters: codes, identifiers and booleans, `code`, `system|code`, `|code`, `system|`."""

from __future__ import annotations

import json
import re

from engine.fault import Fault
from fhir.search.body import jsonpath
from fhir.search.hashing import number
from fhir.search.parameters import Parameter, Path
from fhir.search.texts import bad, plainly, split
from fhir.search.where import FEW, LOOK, NEVER, Where, every, exact, negated, some, tokens

BARE = ("code", "boolean", "string", "id", "uri", "dateTime", "canonical", "markdown")


def token(type: str, parameter: Parameter, modifier: str, value: str, base: str) -> Where | Fault:
    """`code`, `system|code`, `|code`, `system|`."""
    if modifier == "text":
        return some([worded(path, plainly(value)) for path in parameter.paths])
    parts = [plainly(part) for part in split(value, "|")]
    if modifier == "of-type":
        if len(parts) != 3 or not all(parts):
            return bad(parameter.name, "`:of-type` is system|code|value")
        return some([of_type(path, *parts) for path in parameter.paths if path.type == "Identifier"])
    if len(parts) > 2:
        return bad(parameter.name, "more than one `|`")
    if parameter.paths and parameter.paths[0].marker == "exists":
        held = tokens([number(f"{path.id}|true") for path in parameter.paths])
        return {"true": held, "false": negated(held)}.get(parts[-1], NEVER)
    return some([coded(path, parts) for path in parameter.paths])


def worded(path: Path, text: str) -> Where:
    """A concept whose text or display begins so, whatever the case; told by the body, so name a patient or a time beside it."""
    pattern = json.dumps(f"^{re.escape(text[:200])}", ensure_ascii=False)
    places = ("@.text", "@.display", "@.coding[*].display", "@.type.text")
    test = " || ".join(f'{place} like_regex {pattern} flag "i"' for place in places)
    return Where("jsonb_path_exists(nullif(r.body, '')::jsonb, %s::jsonpath)", (f"{jsonpath(path)} ? ({test})",))


def of_type(path: Path, system: str, code: str, value: str) -> Where:
    """An identifier of a type: its value by the index, its type on the rows found."""
    sought = json.dumps({"s": system, "c": code, "v": value}).replace("\\u0000", "")
    test = "@.value == $v && exists(@.type.coding[*] ? (@.system == $s && @.code == $c))"
    held = Where(
        "jsonb_path_exists(nullif(r.body, '')::jsonb, %s::jsonpath, %s::jsonb)", (f"{jsonpath(path)} ? ({test})", sought)
    )
    return every([coded(path, [value]), held])


def coded(path: Path, parts: list[str]) -> Where:
    """A token of one path."""
    code = parts[-1]
    held = [number(f"{path.id}|{code}")]
    bare = exact(held) if code in path.usual else tokens(held, FEW if path.type == "Identifier" else LOOK)
    if len(parts) == 1 or path.type in BARE:
        return bare if code else NEVER
    if not code:
        return exact([number(f"{path.id}|{parts[0]}|")])
    return every([bare, exact([number(f"{path.id}|{parts[0]}|{code}")])])
