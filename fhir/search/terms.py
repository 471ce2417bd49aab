"""One search parameter with its values as a condition: tokens, references, strings, dates, numbers, quantities, addresses.

Values of one parameter are alternatives. A Fault E561–E563 says what cannot be searched; values are never part of the SQL.
"""

from __future__ import annotations

import json
import re
import struct
from collections.abc import Callable, Sequence
from uuid import UUID

from engine.fault import Fault, Kind
from fhir import model
from fhir.search import compare, composites
from fhir.search.hashing import digest8, number, tag
from fhir.search.parameters import Parameter, Path, patient_path
from fhir.search.quantities import UCUM, base_tag, in_base, unit_tag
from fhir.search.texts import bad, plainly, split
from fhir.search.times import date, updated
from fhir.search.values import plain
from fhir.search.where import FEW, LOOK, NEVER, OWN, WORDS, Where, every, exact, negated, ranged, some, there, tokens
from fhir.store.types import uuid_of

DOUBLE = struct.Struct("!d")
ID = re.compile(r"[A-Za-z0-9\-.]{1,64}")
ACCESS = re.compile(r"access-([1-9][0-9]{0,17})")  # an AuditEvent that is rendered
BARE = ("code", "boolean", "string", "id", "uri", "dateTime", "canonical", "markdown")
MODIFIERS = {
    "token": ("not", "missing", "text", "of-type"),
    "string": ("exact", "contains", "missing"),
    "reference": ("identifier", "missing"),
    "uri": ("missing",),
}


def term(type: str, parameter: Parameter, modifier: str, text: str, base: str) -> Where | Fault:
    """The condition of `name:modifier=text`; `base` is this server's own address."""
    known = MODIFIERS.get(parameter.kind, ("missing",))
    typed = parameter.kind == "reference" and modifier in model.resources()
    if modifier and modifier not in known and not typed:
        return Fault(Kind.INCORRECT, "E563", "a modifier that this parameter does not have", f"{parameter.name}:{modifier}"[:80])
    if modifier == "missing":
        return missing(parameter, text)
    if modifier == "of-type" and not any(path.type == "Identifier" for path in parameter.paths):
        return Fault(Kind.INCORRECT, "E563", "only identifiers are searched by `:of-type`", parameter.name[:80])
    found = []
    for value in split(text, ","):
        one = single(type, parameter, modifier, value, base)
        if isinstance(one, Fault):
            return one
        found.append(one)
    every_one = some(found)
    return negated(every_one) if modifier == "not" else every_one


def single(type: str, parameter: Parameter, modifier: str, value: str, base: str) -> Where | Fault:
    """The condition of one alternative."""
    if parameter.name == "_id":
        if type == "AuditEvent" and (named := ACCESS.fullmatch(value)):
            return Where("(r.num = %s and r.key is null)", (int(named[1]),), by=OWN)
        return keyed(uuid_of(type, value)) if ID.fullmatch(value) else NEVER
    if parameter.name == "_lastUpdated":
        return updated(value)
    if parameter.kind == "composite":
        return composites.composite(type, parameter, value, base)
    if not value:
        return bad(parameter.name, "an empty value")
    return PARTS[parameter.kind](type, parameter, modifier, value, base)


def keyed(key: UUID) -> Where:
    """The one resource of this key."""
    return Where("r.key = %s", (key,), lambda row: row.key == key, OWN)


def missing(parameter: Parameter, text: str) -> Where | Fault:
    """Whether an element stands at all, told by the body itself."""
    if text not in ("true", "false"):
        return bad(parameter.name, "`:missing` is true or false")
    found = some([standing(path) for path in parameter.paths])
    return negated(found) if text == "true" else found


def standing(path: Path) -> Where:
    """Whether anything stands at the end of a path."""
    sql = "jsonb_path_exists(nullif(r.body, '')::jsonb, %s::jsonpath)"
    return Where(sql, (jsonpath(path),), lambda row: there(row.body, path.names))


def jsonpath(path: Path) -> str:
    """Where a path's values stand, in PostgreSQL's notation."""
    return "$" + "".join(f'."{name}"[*]' for name in path.names)


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


def reference(type: str, parameter: Parameter, modifier: str, value: str, base: str) -> Where | Fault:
    """`Type/id`, `id`, an address, or by the identifier of a logical reference."""
    if modifier == "identifier":
        parts = [plainly(part) for part in split(value, "|")]
        system, code = (parts[0], parts[1]) if len(parts) == 2 else ("", parts[0])
        found = [
            every([
                tokens([number(f"{path.id}:identifier|{code}")], FEW),
                *([exact([number(f"{path.id}:identifier|{system}|{code}")])] if len(parts) == 2 else []),
            ])
            for path in parameter.paths
        ]  # fmt: skip
        return some(found)
    text = plainly(value).removeprefix(f"{base}/") if base else plainly(value)
    text = text.partition("/_history/")[0]
    kinds = [modifier] if modifier else list(parameter.targets) or list(model.resources())
    return some([pointed(type, path, text, kinds) for path in parameter.paths])


def pointed(type: str, path: Path, text: str, kinds: Sequence[str]) -> Where:
    """A reference of one path."""
    allowed = [path.target] if path.target and path.target in kinds else [] if path.target else list(kinds)
    head, _, tail = text.partition("/")
    if ID.fullmatch(text):
        names = [f"{kind}/{text}" for kind in allowed]
    elif head in allowed and ID.fullmatch(tail):
        names = [text]
    else:
        names = [] if head in model.resources() else [text]
    mine = patient_path(type)
    own = [name for name in names if mine is not None and mine.id == path.id and name.startswith("Patient/")]
    parts = [about(name) for name in own]
    others = [number(f"{path.id}|{name}") for name in names if name not in own]
    if path.type in ("canonical", "uri"):
        others.append(number(f"{path.id}|{text}"))
    return some([*parts, *([tokens(others)] if others else [])])


def about(name: str) -> Where:
    """Whom a resource is about: `Patient/1`."""
    digest = digest8(name)
    return Where("r.patient = %s", (number(name),), lambda row: row.entries.patient == digest, OWN)


def string(type: str, parameter: Parameter, modifier: str, value: str, base: str) -> Where | Fault:
    """The beginning of a word, without case and accents; `:exact` and `:contains` as they say."""
    text = plainly(value)
    words = plain(text)
    if not words and modifier != "exact":
        return bad(parameter.name, "a text without letters or digits")
    if modifier == "exact":
        return some([every([prefix(path, words[:200]), exact([number(f"{path.id}={text}")])]) for path in parameter.paths])
    if modifier == "contains":
        return some([inside(path, words) for path in parameter.paths])
    return some([prefix(path, words[:200]) for path in parameter.paths])


def inside(path: Path, words: str) -> Where:
    """A word of this path that holds these letters."""
    head = f"{path.id}:"
    return Where(
        "r.strings::text ~ %s",
        (f"'{re.escape(path.id)}:[^']*{re.escape(words)}",),
        lambda row: any(one.startswith(head) and words in one[len(head) :] for one in row.entries.strings),
    )


def prefix(path: Path, words: str) -> Where:
    """A word of this path that begins so."""
    head = f"{path.id}:{words}"
    lexeme = head.replace("\\", "\\\\").replace("'", "''")
    sql = "r.strings @@ %s::tsquery"
    holds = lambda row: any(one.startswith(head) for one in row.entries.strings)  # noqa: E731
    return Where(sql, (f"'{lexeme}':*",), holds, WORDS)


def uri(type: str, parameter: Parameter, modifier: str, value: str, base: str) -> Where | Fault:
    """An address, letter by letter."""
    return tokens([number(f"{path.id}|{plainly(value)}") for path in parameter.paths])


def quantity(type: str, parameter: Parameter, modifier: str, value: str, base: str) -> Where | Fault:
    """`number`, `number|system|code`, `number||unit`."""
    found = measured(value)
    if found is None:
        return bad(parameter.name, "not a number with its unit")
    mark, test, values = found
    return some([ranged(mark(path.id), test, values) for path in parameter.paths])


Mark = Callable[[str], float]


def measured(value: str) -> tuple[Mark, str, tuple[float, ...]] | None:
    """What stands before the ranges to look at, the test and its values."""
    parts = [plainly(part) for part in split(value, "|")]
    head, text = compare.prefixed(parts[0])
    wanted = compare.decimal(text)
    if wanted is None or len(parts) not in (1, 2, 3):
        return None
    low, high = compare.window(head, wanted)
    unit = parts[2] if len(parts) == 3 else ""
    system = parts[1] if len(parts) == 3 else ""
    based = [in_base(end, unit) for end in (low, high)] if unit and system in ("", UCUM) else [None]
    first, last = based[0], based[-1]
    if first is not None and last is not None and system == UCUM:
        ends = compare.around(head, first[0], last[0])
        return (lambda id: unpacked(base_tag(id, first[1]))), *compare.test(head, *ends)
    ends = compare.around(head, float(low), float(high))
    if unit:
        return (lambda id: unpacked(unit_tag(id, unit))), *compare.test(head, *ends)
    return tag, *compare.test(head, *ends)


def unpacked(mark: bytes) -> float:
    """A tag as a number again."""
    return float(DOUBLE.unpack(mark[4:12])[0])


PARTS: dict[str, Callable[[str, Parameter, str, str, str], Where | Fault]] = {
    "token": token,
    "reference": reference,
    "string": string,
    "uri": uri,
    "date": date,
    "number": quantity,
    "quantity": quantity,
}
