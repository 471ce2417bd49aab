"""Pairs the resources of two sets and compares their facts.

Resources are paired by type and by how many facts they share, best pairs first. Only what hangs together with the clinical
resources counts: an organization that only a message header names says nothing about the mapping. Directory resources told twice in
the same words (one practitioner in three fields) count once. A resource that says nothing of its own, such as a specimen of which only the
existence is stated, counts for nothing on either side.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from fhir.coverage.facts import Fact, clock, facts

JSON = dict[str, Any]
CLINICAL = frozenset({
    "Patient", "Encounter", "Observation", "DiagnosticReport", "Specimen", "ServiceRequest", "Coverage", "AllergyIntolerance",
    "Condition", "Immunization", "Procedure", "Appointment", "DocumentReference", "RelatedPerson",
})  # fmt: skip
DIRECTORY = frozenset({"Practitioner", "PractitionerRole", "Organization", "Location", "Device"})


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of one fact: agree, zone, differ, missing, absent (its whole resource is missing) or extra (only ours)."""

    kind: str
    path: str
    expected: str = ""
    found: str = ""


def compare(ours: Sequence[JSON], expected: Sequence[JSON]) -> list[Verdict]:
    """A verdict for every fact of either side."""
    verdicts: list[Verdict] = []
    left, right = _by_type(ours), _by_type(expected)
    for type in sorted(left.keys() | right.keys()):
        mine, theirs = left.get(type, []), right.get(type, [])
        if type in CLINICAL and theirs:
            kind = "agree" if len(mine) == len(theirs) else "differ"
            verdicts.append(Verdict(kind, f"{type} (how many)", str(len(theirs)), str(len(mine))))
        verdicts += _pair(mine, theirs)
    return verdicts


def _by_type(resources: Sequence[JSON]) -> dict[str, list[list[Fact]]]:
    found: dict[str, list[list[Fact]]] = {}
    for resource in connected(resources):
        type = str(resource.get("resourceType"))
        said = facts(resource)
        rows = found.setdefault(type, [])
        if type in DIRECTORY and any([one.key for one in said] == [one.key for one in row] for row in rows):
            continue
        rows.append(said)
    return found


def connected(resources: Sequence[JSON]) -> list[JSON]:
    """The clinical resources, and what they refer to outside their extensions, however far."""
    known = {f"{one.get('resourceType')}/{one.get('id')}": one for one in resources}
    kept: dict[str, JSON] = {name: one for name, one in known.items() if one.get("resourceType") in CLINICAL}
    todo = list(kept.values())
    while todo:
        for name in _references(todo.pop()):
            if name in known and name not in kept:
                kept[name] = known[name]
                todo.append(known[name])
    return _speaking(list(kept.values()))


def _speaking(resources: list[JSON]) -> list[JSON]:
    """The resources that say anything of their own; references to the others are taken out with them."""
    mute = {f"{one.get('resourceType')}/{one.get('id')}" for one in resources if not _says(one)}
    return [_without(one, mute) for one in resources if f"{one.get('resourceType')}/{one.get('id')}" not in mute]


def _says(resource: JSON) -> bool:
    return resource.get("resourceType") == "Patient" or any(not fact.value.startswith("-> ") for fact in facts(resource))


def _without(value: Any, names: set[str]) -> Any:
    if isinstance(value, dict):
        kept = {name: _without(part, names) for name, part in value.items()}
        return {} if kept.get("reference") in names else kept
    return [_without(part, names) for part in value] if isinstance(value, list) else value


def _references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for name, part in value.items():
            if name == "reference" and isinstance(part, str):
                yield part
            elif name not in ("extension", "modifierExtension") and not name.startswith("_"):
                yield from _references(part)
    elif isinstance(value, list):
        for part in value:
            yield from _references(part)


def _pair(mine: list[list[Fact]], theirs: list[list[Fact]]) -> Iterator[Verdict]:
    scores = sorted(
        ((_shared(one, two), -abs(i - j), -i, -j) for i, one in enumerate(mine) for j, two in enumerate(theirs)), reverse=True
    )
    free, wanted = set(range(len(mine))), set(range(len(theirs)))
    for _, _, i, j in scores:
        if -i in free and -j in wanted:
            free.discard(-i)
            wanted.discard(-j)
            yield from _facts(mine[-i], theirs[-j])
    for left in sorted(wanted):
        yield from (Verdict("absent", fact.path, fact.shown) for fact in theirs[left])
    for left in sorted(free):
        yield from (Verdict("extra", fact.path, "", fact.shown) for fact in mine[left])


def _shared(one: Iterable[Fact], two: Iterable[Fact]) -> int:
    return (Counter(fact.key for fact in one) & Counter(fact.key for fact in two)).total()


def _facts(mine: list[Fact], theirs: list[Fact]) -> Iterator[Verdict]:
    """First what is equal, then what stands at the same path, then what one side alone says."""
    left = list(mine)
    rest: list[Fact] = []
    for fact in theirs:
        same = next((one for one in left if one.key == fact.key), None)
        if same is None:
            rest.append(fact)
        else:
            left.remove(same)
            yield Verdict("agree", fact.path, fact.shown, same.shown)
    for fact in rest:
        near = [one for one in left if one.path == fact.path]
        zone = next((one for one in near if clock(one.shown) == clock(fact.shown) != fact.shown), None)
        other = zone or (near[0] if near else None)
        if other is None:
            yield Verdict("missing", fact.path, fact.shown)
        else:
            left.remove(other)
            yield Verdict("zone" if zone else "differ", fact.path, fact.shown, other.shown)
    yield from (Verdict("extra", one.path, "", one.shown) for one in left)
