"""The mapping tables as FHIR terminology: each a ConceptMap from its own CodeSystem to the codes it gives, with ValueSets of both.

Rendered from what is deployed, never stored. Source: https://hl7.org/fhir/R4/terminology-service.html.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any, Protocol

JSON = dict[str, Any]
TYPES = ("ConceptMap", "CodeSystem", "ValueSet")


class Coded(Protocol):
    """A row's code."""

    @property
    def code(self) -> str: ...
    @property
    def system(self) -> str: ...
    @property
    def display(self) -> str: ...


class Table(Protocol):
    """A mapping table as the engine has it."""

    @property
    def name(self) -> str: ...
    @property
    def rows(self) -> Mapping[str, Any]: ...
    def answer(self, code: str) -> Any: ...


Tables = Mapping[str, Table]


def url(type: str, name: str) -> str:
    """A table's canonical address as a ConceptMap, CodeSystem or ValueSet."""
    return f"urn:isthmus:{type.lower()}:{name}"


def id_of(name: str) -> str:
    """The id all three have."""
    return name.replace("_", "-")[:64]


def head(type: str, table: Table) -> JSON:
    """What all three begin with."""
    return {
        "resourceType": type, "id": id_of(table.name), "url": url(type, table.name), "name": title(table), "status": "active",
    }  # fmt: skip


def title(table: Table) -> str:
    """A table's name as computers like it."""
    return "".join(part.capitalize() for part in table.name.split("_"))


def concept_map(table: Table) -> JSON:
    """From the source's codes to those written."""
    rows = sorted(table.rows.items(), key=lambda row: (row[1].system, row[0]))
    groups = [
        {
            "source": url("CodeSystem", table.name),
            **({"target": system} if system else {}),
            "element": [mapped(*row) for row in held],
        }
        for system, held in groupby(rows, key=lambda row: row[1].system)
    ]
    return {**head("ConceptMap", table), "sourceUri": url("ValueSet", table.name), "group": groups}


def mapped(code: str, row: Coded) -> JSON:
    """One line of a ConceptMap."""
    return {"code": code or " ", "target": [{"code": row.code, **said(row.display), "equivalence": "equivalent"}]}


def said(display: str) -> JSON:
    """A display where there is one."""
    return {"display": display} if display else {}


def code_system(table: Table) -> JSON:
    """The source's own codes."""
    concepts = [{"code": code, **said(row.display)} for code, row in table.rows.items() if code]
    return {**head("CodeSystem", table), "content": "complete", "count": len(concepts), "concept": concepts}


def value_set(table: Table) -> JSON:
    """All of the source's codes."""
    return {**head("ValueSet", table), "compose": {"include": [{"system": url("CodeSystem", table.name)}]}}


MAKE: dict[str, Callable[[Table], JSON]] = {"ConceptMap": concept_map, "CodeSystem": code_system, "ValueSet": value_set}


def resources(tables: Tables, type: str) -> Iterator[JSON]:
    """Every table as this type."""
    return (MAKE[type](table) for _, table in sorted(tables.items()))


def named(tables: Tables, type: str, text: str) -> Table | None:
    """The table of an id or a canonical address."""
    plain = text.partition("|")[0]
    return next((one for one in tables.values() if plain in (id_of(one.name), url(type, one.name))), None)


def displays(tables: Tables, system: str) -> dict[str, str]:
    """The codes known of a system: a table's own, or those that tables give."""
    own = named(tables, "CodeSystem", system)
    if own is not None:
        return {code: row.display for code, row in own.rows.items()}
    return {row.code: row.display for table in tables.values() for row in table.rows.values() if row.system == system}


def translation(table: Table, matches: Sequence[tuple[str, JSON]]) -> JSON:
    """$translate: what a code becomes, each match with its equivalence."""
    source = {"name": "source", "valueUri": url("ConceptMap", table.name)}
    rows = [
        {
            "name": "match",
            "part": [{"name": "equivalence", "valueCode": kind}, {"name": "concept", "valueCoding": concept}, source],
        }
        for kind, concept in matches
    ]
    found = parameters(("result", "valueBoolean", True))
    return {**found, "parameter": [*found["parameter"], *rows]}


def parameters(*rows: tuple[str, str, Any]) -> JSON:
    """A Parameters resource of plain values."""
    return {"resourceType": "Parameters", "parameter": [{"name": name, kind: value} for name, kind, value in rows]}
