"""One search parameter with its values as a condition: by its kind, and what every kind shares.

Values of one parameter are alternatives. A Fault E561–E563 says what cannot be searched; values are never part of the SQL.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from uuid import UUID

from engine.fault import Fault, Kind
from fhir import model
from fhir.search.body import missing
from fhir.search.coded import token
from fhir.search.composites import composite
from fhir.search.measured import quantity
from fhir.search.parameters import Parameter
from fhir.search.pointed import ID, reference
from fhir.search.strings import string, uri
from fhir.search.texts import bad, split
from fhir.search.times import date, updated
from fhir.search.where import NEVER, OWN, Where, negated, some
from fhir.store.types import uuid_of

ACCESS = re.compile(r"access-([1-9][0-9]{0,17})")  # an AuditEvent that is rendered
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
        return composite(type, parameter, value, base, single)
    if not value:
        return bad(parameter.name, "an empty value")
    return PARTS[parameter.kind](type, parameter, modifier, value, base)


def keyed(key: UUID) -> Where:
    """The one resource of this key."""
    return Where("r.key = %s", (key,), lambda row: row.key == key, OWN)


PARTS: dict[str, Callable[[str, Parameter, str, str, str], Where | Fault]] = {
    "token": token,
    "reference": reference,
    "string": string,
    "uri": uri,
    "date": date,
    "number": quantity,
    "quantity": quantity,
}
