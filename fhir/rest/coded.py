"""$translate, $lookup and $validate-code on the mapping tables.

Source: https://hl7.org/fhir/R4/conceptmap-operation-translate.html, codesystem-operation-lookup.html,
codesystem-operation-validate-code.html, valueset-operation-validate-code.html.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from engine.fault import Fault, Kind
from fhir import encode, terminology
from fhir.rest.answer import Answer, refused
from fhir.rest.call import Call, resource
from fhir.rest.server import Server
from fhir.rest.terminology import tables
from fhir.terminology import Table

JSON = dict[str, Any]
OPERATIONS = {
    ("ConceptMap", "$translate"),
    ("CodeSystem", "$lookup"),
    ("CodeSystem", "$validate-code"),
    ("ValueSet", "$validate-code"),
}


@dataclass(frozen=True, slots=True)
class Coding:
    """A code that is asked about; a system that is not told is the table's own."""

    code: str
    system: str = ""
    display: str = ""


@dataclass(slots=True)
class Asked:
    """An operation's parameters: the codings, and the plain values by name."""

    codings: list[Coding] = field(default_factory=list)
    values: dict[str, str] = field(default_factory=dict)


def operate(server: Server, call: Call) -> Answer:
    """GET or POST of one of the operations, on the type or on one table."""
    asked = given(call)
    if isinstance(asked, Fault):
        return refused(asked)
    if not asked.codings:
        return refused(Fault(Kind.INCORRECT, "E534", "no code is asked about", "code", "name the code"))
    where = call.path[1] if len(call.path) == 3 else asked.values.get("url", "")
    name = call.path[-1]
    if name == "$translate":
        return translate(tables(server), where, asked)
    return (lookup if name == "$lookup" else validate_code)(tables(server), call.type, where, asked)


def translate(known: terminology.Tables, where: str, asked: Asked) -> Answer:
    """What the codings become by a table, there or back."""
    if "target" in asked.values:
        return refused(Fault(Kind.UNSUPPORTED, "E536", "a target is told by its system here", "target", "use targetsystem"))
    told = asked.values.get("source", "") or asked.codings[0].system
    where = where or told.replace(":valueset:", ":conceptmap:").replace(":codesystem:", ":conceptmap:")
    table = terminology.named(known, "ConceptMap", where)
    if table is None:
        return refused(missing("url"))
    back, wanted = asked.values.get("reverse") == "true", asked.values.get("targetsystem", "")
    matches = [match for one in asked.codings for match in (returned if back else translated)(table, one, wanted)]
    if matches:
        return Answer(200, encode.dumps(terminology.translation(table, matches)))
    return said(False, "the table has no row for this code, of this system, to this target")


def translated(table: Table, one: Coding, wanted: str) -> list[tuple[str, JSON]]:
    """The equivalence and concept of a coding of the table's own system."""
    row = table.answer(one.code) if one.system in ("", terminology.url("CodeSystem", table.name)) else None
    if row is None or (wanted and row.system != wanted):
        return []
    concept = {**({"system": row.system} if row.system else {}), "code": row.code, **terminology.said(row.display)}
    return [("equivalent" if one.code in table.rows else "inexact", concept)]


def returned(table: Table, one: Coding, wanted: str) -> list[tuple[str, JSON]]:
    """The table's own codes that become a coding."""
    own = terminology.url("CodeSystem", table.name)
    if wanted not in ("", own):
        return []
    return [
        ("equivalent", {"system": own, "code": code, **terminology.said(row.display)})
        for code, row in table.rows.items()
        if code and row.code == one.code and one.system in ("", row.system)
    ]


def lookup(known: terminology.Tables, type: str, where: str, asked: Asked) -> Answer:
    """What is known of a code."""
    one, table = asked.codings[0], terminology.named(known, type, where) if where else None
    system = terminology.url("CodeSystem", table.name) if table is not None else one.system
    if not system:
        return refused(Fault(Kind.INCORRECT, "E534", "no system is named", "system", "name the code's system"))
    codes = terminology.displays(known, system)
    if not codes:
        return refused(missing("system"))
    if one.code not in codes:
        return refused(Fault(Kind.NOT_FOUND, "E535", "the system has no such code here", "code"))
    own = terminology.named(known, "CodeSystem", system)
    name = terminology.title(own) if own is not None else system.rpartition("/")[2].rpartition(":")[2]
    rows = ("name", "valueString", name), ("display", "valueString", codes[one.code] or one.code)
    return Answer(200, encode.dumps(terminology.parameters(*rows)))


def validate_code(known: terminology.Tables, type: str, where: str, asked: Asked) -> Answer:
    """Whether one of the codings is in a code system or value set, under the display it was sent with."""
    where = where or (asked.codings[0].system if type == "CodeSystem" else "")
    table = terminology.named(known, type, where)
    system = terminology.url("CodeSystem", table.name) if table is not None else where
    codes = terminology.displays(known, system) if table is not None or type == "CodeSystem" else {}
    if not codes:
        return refused(missing("url"))
    there = [one for one in asked.codings if one.code in codes and one.system in ("", system)]
    if not there:
        return said(False, "the code is not there")
    display = codes[there[0].code]
    if there[0].display and display and there[0].display.casefold() != display.casefold():
        return said(False, "the code has another display", display)
    return said(True, "", display)


def said(result: bool, message: str, display: str = "") -> Answer:
    """A verdict, why, and the code's own display."""
    rows = [("result", "valueBoolean", result)]
    rows += [("message", "valueString", message)] if message else []  # type: ignore[list-item]
    rows += [("display", "valueString", display)] if display else []  # type: ignore[list-item]
    return Answer(200, encode.dumps(terminology.parameters(*rows)))


def missing(at: str) -> Fault:
    """The fault of a table that is not deployed."""
    return Fault(Kind.NOT_FOUND, "E535", "no table of this server has this address", at, "see /ConceptMap")


def given(call: Call) -> Asked | Fault:
    """The operation's parameters, of the address or of Parameters."""
    asked = Asked(values={name: value for name, value in call.params if value})
    if call.method == "POST" and (call.body or call.resource is not None):
        body = resource(call)
        if isinstance(body, Fault):
            return body
        rows = body.get("parameter", ())
        for row in rows if isinstance(rows, Sequence) else ():
            if isinstance(row, dict):
                take(asked, str(row.get("name")), next((value for name, value in row.items() if name.startswith("value")), None))
    code = asked.values.get("code", "")
    if code:
        asked.codings.insert(0, Coding(code, asked.values.get("system", ""), asked.values.get("display", "")))
    return asked


def take(asked: Asked, name: str, value: Any) -> None:
    """One parameter: a Coding, a CodeableConcept or a plain value."""
    if isinstance(value, bool):
        asked.values[name] = "true" if value else "false"
    elif isinstance(value, str):
        asked.values[name] = value
    elif isinstance(value, dict):
        rows = value["coding"] if isinstance(value.get("coding"), list) else [value]
        for row in rows:
            if isinstance(row, dict) and isinstance(row.get("code"), str):
                texts = [row.get(part, "") for part in ("code", "system", "display")]
                asked.codings.append(Coding(*[text if isinstance(text, str) else "" for text in texts]))
