"""Every official example is stored and read back equal, digits included; and its index entries agree with fhirpathpy."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import fhirpathpy
import psycopg
import pytest

from engine.fault import Fault
from engine.types import Put
from fhir import encode
from fhir.build import definitions
from fhir.build.search import usable
from fhir.search.find import values
from fhir.search.parameters import Path as Way
from fhir.search.parameters import parameters
from fhir.store import FhirStore
from fhir.store.types import uuid_of

AT = datetime(2026, 1, 2, tzinfo=UTC)
LEFT_OUT = ("StructureDefinition-", "ValueSet-", "CodeSystem-", "SearchParameter-", "ImplementationGuide-", "ig-", "package")


@pytest.fixture(scope="session")
def examples() -> list[dict[str, Any]]:
    """The official examples as resources with ids."""
    try:
        folder: Path = definitions.package()
    except OSError as error:
        pytest.skip(f"the official examples are not here: {error}")
    found = []
    for path in sorted(folder.glob("*-*.json")):
        if not path.name.startswith(LEFT_OUT) and path.stat().st_size < 2_000_000:
            read = encode.loads(path.read_bytes())
            assert not isinstance(read, Fault)
            found.append({"resourceType": read["resourceType"], "id": path.stem[:64].replace("_", "-"), **without_id(read)})
    return found


def without_id(resource: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in resource.items() if name not in ("resourceType", "id")}


def content(resource: dict[str, Any]) -> bytes:
    meta = {name: value for name, value in resource.get("meta", {}).items() if name not in ("versionId", "lastUpdated")}
    rest = {name: value for name, value in resource.items() if name != "meta"}
    return encode.SORTED.encode({**rest, "meta": meta} if meta else rest)


def test_every_official_example_is_stored_and_read_back_equal(database: str, examples: list[dict[str, Any]]) -> None:
    with psycopg.connect(database) as connection:
        for begin in range(0, len(examples), 50):
            FhirStore().write(connection, [Put(one) for one in examples[begin : begin + 50]], AT)
        wrong = []
        for one in examples:
            row = connection.execute("select body from fhir.resource where key = %s", (uuid_of(one["resourceType"], one["id"]),))
            text = row.fetchone()
            assert text is not None
            if content(encode.trusted(text[0])) != content(one):
                wrong.append(one["id"])
        assert wrong == []
        assert len(examples) > 700


def oracle(expression: str) -> str:
    """A search expression as fhirpathpy can evaluate it: casts by ofType, reference tests by what the text says."""
    text = re.sub(r"\((\S+) as (\w+)\)", r"\1.ofType(\2)", expression)
    text = re.sub(r"^(\S+) as (\w+)$", r"\1.ofType(\2)", text)
    text = re.sub(r"\.as\((\w+)\)", r".ofType(\1)", text)
    return re.sub(r"\.where\(resolve\(\) is (\w+)\)", r".where(reference.contains('\1/'))", text)


def test_paths_of_search_parameters_lead_where_their_expressions_do(examples: list[dict[str, Any]]) -> None:
    definitions_ = [one for one in definitions.each("SearchParameter") if usable(one) and one["type"] != "composite"]
    by_type: dict[str, list[dict[str, Any]]] = {}
    for one in definitions_:
        for base in one["base"]:
            by_type.setdefault(base, []).append(one)
    differ, compared = set(), 0
    for resource in examples:
        type = resource["resourceType"]
        for one in by_type.get(type, ()):
            parts = [p.strip() for p in one["expression"].split("|") if re.match(rf"\s*\(?{type}\b", p)]
            if not parts or "exists()" in one["expression"] or "[0]" in one["expression"]:
                continue
            theirs = [value for part in parts for value in fhirpathpy.evaluate(resource, oracle(part), None, model())]
            ours = [value for way in parameters(type)[one["code"]].paths for value in narrowed(resource, way)]
            compared += 1
            if sorted(map(plain, theirs)) != sorted(map(plain, ours)):
                differ.add((type, one["code"]))
    assert differ == set()
    assert compared > 2000


def model() -> Any:
    """fhirpathpy's own R4 model."""
    from fhirpathpy.models import models

    return models["r4"]


def narrowed(resource: dict[str, Any], way: Way) -> list[Any]:
    """The values of a path with its filters."""
    at, _, rule = way.marker.partition(":") if ":" in way.marker else ("", "", "")
    key, _, wanted = rule.partition("=")
    found: list[Any] = [resource]
    for depth, name in enumerate(way.names):
        found = values_of(found, name)
        if at == str(depth):
            found = [one for one in found if one.get(key) == wanted]
    if way.target:
        found = [one for one in found if f"{way.target}/" in one.get("reference", "")]
    return found


def values_of(found: list[Any], name: str) -> list[Any]:
    return [value for one in found if isinstance(one, dict) for value in values(one, Way((name,), "", "", "", ""))]


def plain(value: Any) -> str:
    return encode.SORTED.encode(value).decode() if isinstance(value, dict | list) else str(value)
