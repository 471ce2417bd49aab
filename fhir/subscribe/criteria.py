"""A criteria text (`Observation?code=718-7&patient=Patient/1`) as a test of one resource, by the search parameters the server has.

What only the database could judge (chains, `_has`, `:text`, a time before now) is refused when the Subscription is written.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import parse_qsl

from engine.fault import Fault, Kind
from fhir import model
from fhir.search.extract import extractor
from fhir.search.query import RESULT, Chained, condition
from fhir.search.where import Holds, Row, Where, every
from fhir.store.types import uuid_of

LONGEST, MOST = 2000, 20  # characters of a criteria, conditions in it
UNTOLD = ("Subscription",)  # its headers are its owner's secret
SHAPE = ("_format", "_pretty", "_summary")  # they say how an answer looks: nothing is answered here


@dataclass(frozen=True, slots=True)
class Criteria:
    """A resource type and what its resources must fulfil."""

    type: str
    holds: Holds
    names: tuple[str, ...] = ()  # the parameters it uses


def read(text: str, base: str = "", at: str = "Subscription.criteria") -> Criteria | Fault:
    """Understands a criteria; `base` is this server's own address, for references that are written out."""
    if len(text) > LONGEST:
        return wrong(f"longer than {LONGEST} characters", at)
    own = text.strip().removeprefix(f"{base}/") if base else text.strip()
    type, _, query = own.removeprefix("/").partition("?")
    if type not in model.resources() or type in UNTOLD:
        return wrong("it does not begin with a resource type of R4" if type not in UNTOLD else f"of {type} nobody is told", at)
    return conditions(type, query, base, at)


def conditions(type: str, query: str, base: str = "", at: str = "Subscription.criteria") -> Criteria | Fault:
    """The conditions of one type."""
    try:
        pairs = parse_qsl(query, keep_blank_values=True, errors="strict", max_num_fields=MOST)
    except ValueError:
        return wrong(f"it is not written as a search, or has more than {MOST} conditions", at)
    wheres = []
    for name, value in pairs:
        if name in SHAPE:
            continue
        found = one(type, name, value, base, at)
        if isinstance(found, Fault):
            return found
        wheres.append(found)
    whole = every(wheres)
    assert whole.holds is not None
    return Criteria(type, whole.holds, tuple(name.partition(":")[0] for name, _ in pairs if name not in SHAPE))


def one(type: str, name: str, value: str, base: str, at: str) -> Where | Fault:
    """One condition; a Fault where it is none, or none that can be judged without the database."""
    if name.partition(":")[0] in RESULT or "\x00" in value or not value:
        return wrong(f"`{name[:64]}` selects nothing", at)
    found = condition(type, name, value, base)
    if found is None:
        return wrong(f"{type} has no search parameter `{name[:64]}`", at)
    if isinstance(found, Fault):
        return Fault(found.kind, found.code, found.text, f"{at}: {found.at}"[:200], found.help)
    if isinstance(found, Chained) or found.holds is None:
        return wrong(f"`{name[:64]}` is not judged by the resource alone", at)
    return found


def wrong(text: str, at: str) -> Fault:
    """The fault of a criteria that cannot be matched."""
    help = "write a search of one type, such as Observation?code=http://loinc.org|718-7; no chains, no _has, no :text"
    return Fault(Kind.INCORRECT, "E590", f"the criteria cannot be matched: {text}", at, help)


def row(body: dict[str, Any], updated: datetime) -> Row:
    """A version as criteria see it."""
    type, id = body["resourceType"], body["id"]
    return Row(uuid_of(type, id), updated, extractor(type)(body), body)


def matching(criteria: Sequence[Criteria], held: Row) -> bool:
    """Whether a version fulfils all of them."""
    for one in criteria:  # noqa: SIM110  a generator would cost more than the tests
        if not one.holds(held):
            return False
    return True
