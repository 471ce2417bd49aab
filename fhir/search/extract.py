"""What is written beside a resource: compiled once per type to closures that visit only the elements that stand.

Index entries are told apart by path, not by parameter, so parameters that share a path (`code` and `combo-code`) share its
entries. `tokens` are indexed; `exact` holds the finer forms (system and code), compared on the rows that `tokens` found.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from functools import cache
from typing import Any

from fhir.model import element
from fhir.search import composite
from fhir.search.hashing import digest8, ends, packed, tag_packed, unique
from fhir.search.parameters import NONE, Path, date_path, parameters, patient_path
from fhir.search.quantities import ranges_of
from fhir.search.values import EARLIEST, LATEST, period, plain

JSON = dict[str, Any]
MAX_STRING = 200
MAX_KEPT = 4096  # codes of one path
OFTEN = (
    "Patient/",
    "Practitioner/",
    "PractitionerRole/",
    "Organization/",
    "Location/",
    "Device/",
    "Encounter/",
)  # often pointed to


class Entries:
    """A resource's index entries; `tokens` and `exact` are ready for PostgreSQL's binary arrays."""

    __slots__ = ("exact", "high", "low", "patient", "ranges", "strings", "tokens")

    def __init__(self) -> None:
        self.tokens: list[bytes] = []
        self.exact: list[bytes] = []
        self.ranges: list[bytes] = []  # each a tag, a low and a high end
        self.strings: set[str] = set()
        self.low: int | None = None
        self.high: int | None = None
        self.patient: bytes | None = None


Visit = Callable[[Any, Entries], None]
Forms = tuple[tuple[bytes, ...], tuple[bytes, ...]]  # for the index, to compare


@cache
def visits(type: str) -> dict[str, list[Visit]]:
    """What is asked of each element of a resource of this type."""
    found: dict[str, list[Visit]] = {}
    for path, kind in sorted(plan(type).items(), key=lambda item: item[0][0].id):
        if path[0].names:
            visit = descend(type, path[0], leaf(type, path[0], kind))
            found.setdefault(path[0].names[0], []).append(visit)
    for parameter in parameters(type).values():
        if parameter.kind == "composite":
            for name, visit in composite.visits(type, parameter):
                found.setdefault(name, []).append(visit)
    return found


@cache
def extractor(type: str) -> Callable[[JSON], Entries]:
    """The function from a resource of this type to its entries."""
    known, mine = visits(type), type == "Patient"

    def entries(body: JSON) -> Entries:
        out = Entries()
        for name, value in body.items():
            found = known.get(name)
            if found is not None:
                for visit in found:
                    visit(value, out)
        if mine:
            out.patient = digest8(f"Patient/{body['id']}")
        return out

    return entries


def plan(type: str) -> dict[tuple[Path, str], str]:
    """Every path that is indexed, with the way its values are; targets do not matter here."""
    found: dict[tuple[Path, str], str] = {}
    for parameter in parameters(type).values():
        if parameter.name in ("_id", "_lastUpdated"):
            continue
        parts = [(parameter.kind, parameter.paths)]
        if parameter.kind == "composite":
            parts = [(c.kind, c.paths) for c in parameter.components] if parameter.paths and not parameter.paths[0].names else []
        for kind, paths in parts:
            for one in paths:
                if one.names and one.names[0] != "%resource":
                    found[Path(one.names, one.type, one.marker, "", one.id), kind] = kind
    return found


def descend(type: str, path: Path, last: Visit) -> Visit:
    """Goes from the first name to the values, through lists, past what the marker shuts out."""
    if len(path.names) == 1 and not path.marker and (element(f"{type}.{path.names[0]}") or NONE).max == 1:
        return last
    at, _, rule = path.marker.partition(":") if ":" in path.marker else ("", "", "")
    key, _, wanted = rule.partition("=")
    visit = each(last, (key, wanted) if at == str(len(path.names) - 1) else None)
    for depth in range(len(path.names) - 2, -1, -1):
        visit = below(visit, path.names[depth + 1], (key, wanted) if at == str(depth) else None)
    return visit


def each(following: Visit, only: tuple[str, str] | None) -> Visit:
    """Every value of a list, or the one value."""

    def on(value: Any, out: Entries) -> None:
        for one in value if isinstance(value, list) else (value,):
            if one is not None and (only is None or one.get(only[0]) == only[1]):
                following(one, out)

    return on


def below(following: Visit, name: str, only: tuple[str, str] | None) -> Visit:
    """One name further, for each value of a list."""

    def on(value: Any, out: Entries) -> None:
        for one in value if isinstance(value, list) else (value,):
            found = one.get(name) if isinstance(one, dict) else None
            if found is not None and (only is None or one.get(only[0]) == only[1]):
                following(found, out)

    return on


def leaf(type: str, path: Path, kind: str) -> Visit:
    """What a value at the end of a path leaves in the index."""
    if path.marker == "exists":
        return exists(path)
    if kind == "date":
        return date(path, path.id in date_path(type))
    if kind in ("number", "quantity"):
        return quantity(path)
    if kind == "string":
        return string(path)
    if kind == "reference":
        mine = patient_path(type)
        return reference(path, mine is not None and mine.id == path.id)
    if kind == "uri":
        return uri(path)
    return token(path)


def exists(path: Path) -> Visit:
    """Patient.deceased: there, and not false."""
    mark = packed(f"{path.id}|true")

    def visit(value: Any, out: Entries) -> None:
        if value is not None and value is not False:
            out.tokens.append(mark)

    return visit


def token(path: Path) -> Visit:
    """Codes, identifiers, flags, contacts: the bare code for the index, the code with its system to compare."""
    coding, usual = f"{path.id}|", path.usual
    kept: dict[tuple[Any, Any], Forms] = {}

    def forms(system: Any, value: Any) -> Forms:
        bare = (unique(f"{coding}{value}"),) if value is not None else ()
        full = (unique(f"{coding}{system or ''}|{value}"),) if value is not None else ()
        whole = (packed(f"{coding}{system}|"),) if system else ()
        return ((), (*bare, *full, *whole)) if value in usual else (bare, (*full, *whole))

    def code(one: JSON, out: Entries) -> None:
        key = (one.get("system"), one.get("code"))
        found = kept.get(key)
        if found is None:
            if len(kept) > MAX_KEPT:
                kept.clear()
            found = kept[key] = forms(*key)
        out.tokens += found[0]
        out.exact += found[1]

    def concept(value: Any, out: Entries) -> None:
        for one in value.get("coding", ()):
            code(one, out)

    def valued(value: Any, out: Entries) -> None:
        bare, finer = forms(value.get("system"), value.get("value"))
        out.tokens += bare
        out.exact += finer

    def flag(value: Any, out: Entries) -> None:
        text = ("true" if value else "false") if isinstance(value, bool) else value
        if isinstance(text, str):
            (out.exact if text in usual else out.tokens).append(packed(f"{coding}{text}"))

    known = {"CodeableConcept": concept, "Coding": code, "Identifier": valued, "ContactPoint": valued}
    return known.get(path.type, code if path.type in ("Quantity", "Money") else flag)


def reference(path: Path, mine: bool) -> Visit:
    """References by type and id, canonicals by address, logical ones by identifier."""
    id = path.id

    def visit(value: Any, out: Entries) -> None:
        if not mine and value.__class__ is dict and len(value) == 1 and "reference" in value:  # as nearly all are
            text = value["reference"]
            if text and text[0] != "#" and "/_history/" not in text:
                out.tokens.append((packed if text.startswith(OFTEN) else unique)(f"{id}|{text}"))
                return
        if isinstance(value, str):
            out.tokens.append(unique(f"{id}|{value}"))
            if "|" in value:
                out.tokens.append(unique(f"{id}|{value.partition('|')[0]}"))
            return
        if not isinstance(value, dict):
            return
        if "resourceType" in value:
            out.tokens.append(unique(f"{id}|{value['resourceType']}/{value.get('id', '')}"))
            return
        text = value.get("reference")
        if text and text[0] != "#":
            text = text.partition("/_history/")[0]
            if mine and text.startswith("Patient/") and out.patient is None:
                out.patient = packed(text)[4:]
            else:
                out.tokens.append((packed if text.startswith(OFTEN) else unique)(f"{id}|{text}"))
        held = value.get("identifier")
        if held is not None and "value" in held:
            out.tokens.append(unique(f"{id}:identifier|{held['value']}"))
            out.exact.append(unique(f"{id}:identifier|{held.get('system', '')}|{held['value']}"))

    return visit


def uri(path: Path) -> Visit:
    """Addresses, letter by letter; canonical ones also without their version."""
    id, versioned = path.id, path.type == "canonical"

    def visit(value: Any, out: Entries) -> None:
        if isinstance(value, str):
            out.tokens.append(packed(f"{id}|{value}"))
            if versioned and "|" in value:
                out.tokens.append(packed(f"{id}|{value.partition('|')[0]}"))

    return visit


def string(path: Path) -> Visit:
    """Words for prefix search; the exact text for `:exact`."""
    id = path.id

    def one(text: Any, out: Entries) -> None:
        if isinstance(text, str):
            out.strings.add(f"{id}:{plain(text)[:MAX_STRING]}")
            out.exact.append(unique(f"{id}={text}"))

    def visit(value: Any, out: Entries) -> None:
        if isinstance(value, dict):
            for name, part in value.items():
                if name in ("use", "type", "period", "id", "extension"):
                    continue
                if isinstance(part, list):
                    for text in part:
                        one(text, out)
                else:
                    one(part, out)
        else:
            one(value, out)

    return visit


def bounds(value: Any) -> tuple[int, int] | None:
    """The microseconds that a date, a Period or a Timing covers."""
    if isinstance(value, str):
        return period(value)
    if isinstance(value, dict):
        events = [found for text in value.get("event", ()) if (found := period(text))]
        if events:
            return min(low for low, _ in events), max(high for _, high in events)
        held = value.get("repeat", {}).get("boundsPeriod", value) if "repeat" in value else value
        start, end = held.get("start"), held.get("end")
        if start or end:
            low, high = period(start) if start else None, period(end) if end else None
            return low[0] if low else EARLIEST, high[1] if high else LATEST
    return None


def date(path: Path, main: bool) -> Visit:
    """Dates as ranges; the main one's in columns."""
    mark = tag_packed(path.id)

    def visit(value: Any, out: Entries) -> None:
        found = bounds(value)
        if found is None:
            return
        if main and out.low is None:
            out.low, out.high = found
        else:
            out.ranges.append(mark + ends(float(found[0]), float(found[1])))

    return visit


def quantity(path: Path) -> Visit:
    """Numbers as they are, and in the canonical unit of their dimension."""
    id, mark = path.id, tag_packed(path.id)

    def visit(value: Any, out: Entries) -> None:
        if isinstance(value, dict):
            out.ranges += ranges_of(id, mark, value)
        elif isinstance(value, Decimal | int):
            out.ranges.append(mark + ends(float(value), float(value)))

    return visit
