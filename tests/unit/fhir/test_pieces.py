"""Resources by their pieces: the very text and index entries that the whole ways make, for every official example."""

from __future__ import annotations

import copy
import random
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from struct import unpack_from
from typing import Any

from fhir import encode
from fhir.recall import FEW, MANY, Recall
from fhir.right import kind
from fhir.search.extract import extractor
from fhir.search.hashing import packed, tag_packed
from fhir.store import rows
from fhir.store.content import Content, head
from fhir.store.pieces import LARGE, PASSING, pieced
from fhir.validate import validate

AT = b"2026-01-02T03:04:05.678Z"
FIRST = b'"meta":{"versionId":"1","lastUpdated":"%b"},' % AT


def bodies(paths: list[Path]) -> Iterator[dict[str, Any]]:
    for path in paths:
        body = encode.trusted(path.read_bytes())
        if "meta" not in body and "id" in body:
            yield {"resourceType": body["resourceType"], "id": body["id"], **body}


def fields(columns: bytes) -> list[Any]:
    """The columns one by one; of an array of hashes the elements in any order."""
    found: list[Any] = []
    at = 0
    while at < len(columns):
        length = unpack_from("!i", columns, at)[0]
        held = columns[at + 4 : at + 4 + max(length, 0)]
        at += 4 + len(held)
        hashes = len(found) in (3, 4) and len(held) > 12
        found.append(
            (held[:20], sorted(held[i : i + 12] for i in range(20, len(held), 12))) if hashes else held if length >= 0 else None
        )
    assert len(found) == 7
    return found


def whole(body: dict[str, Any]) -> tuple[bytes, list[Any]]:
    start = head(body["resourceType"], body["id"])
    return Content(body).text(start, 1, AT), fields(rows.entered(extractor(body["resourceType"])(body)))


def by_pieces(body: dict[str, Any]) -> tuple[bytes, list[Any]] | None:
    made = pieced(body["resourceType"])(body)
    return (head(body["resourceType"], body["id"]) + FIRST + made[0] + b"}", fields(made[1])) if made is not None else None


def test_every_example_has_the_same_text_and_entries_by_its_pieces(r4_examples: list[Path]) -> None:
    told = 0
    for body in bodies(r4_examples):
        expected = whole(body)
        for _ in range(2):  # the second time of what is remembered
            made = by_pieces(body)
            assert made is None or made == expected, (body["resourceType"], body["id"])
            told += made is not None
    assert told > 800


def test_elements_that_stand_in_many_resources_leave_the_same_in_each(r4_examples: list[Path]) -> None:
    pools: dict[str, dict[str, list[Any]]] = defaultdict(lambda: defaultdict(list))
    for body in bodies(r4_examples):
        for name, value in body.items():
            pools[body["resourceType"]][name].append(value)
    chance = random.Random(7)
    for type, pool in pools.items():
        for number in range(10):
            names = [name for name in pool if name not in ("resourceType", "id") and chance.random() < 0.6]
            body = {"resourceType": type, "id": f"x{number}", **{name: chance.choice(pool[name]) for name in names}}
            made = by_pieces(body)
            assert made is None or made == whole(body), body


def test_a_resource_written_in_another_way_is_left_to_the_whole() -> None:
    assert by_pieces({"id": "a", "resourceType": "Basic", "code": {"text": "x"}}) is None
    assert by_pieces({"resourceType": "Basic", "id": "a"}) is None
    assert by_pieces({"resourceType": "Basic", "id": "a", "code": {"text": "x"}, "meta": {"source": "urn:a"}}) is None


def test_equal_references_that_are_other_objects_are_told_by_their_text() -> None:
    for number in (1, 2, 1):
        body = {"resourceType": "Observation", "id": "a", "status": "final", "subject": {"reference": f"Patient/{number}"}}
        assert by_pieces(body) == whole(body)


def test_objects_that_others_hold_are_kept_and_those_nobody_holds_go() -> None:
    recall = Recall()
    held = [[number] for number in range(FEW // 2)]
    for one in held:
        recall.keep((one, "made"))
    for number in range(3 * FEW):
        recall.keep(([number], "fresh"))
    assert len(recall) <= FEW
    assert all(recall[id(one)] == (one, "made") for one in held)


def test_there_are_never_more_than_so_many_objects_kept() -> None:
    recall = Recall()
    held = [[number] for number in range(3 * MANY)]
    for one in held:
        recall.keep((one,))
        assert len(recall) <= MANY
    assert recall[id(held[-1])] == (held[-1],)
    assert id(held[0]) not in recall


def test_a_resource_that_was_checked_has_the_same_text_and_entries_by_its_pieces(r4_examples: list[Path]) -> None:
    for body in bodies(r4_examples):
        known, expected = kind(body["resourceType"]), whole(body)
        for one in (body, copy.deepcopy(body)):  # the second time as other objects
            if known is not None and not validate(one):
                known.was_right(one)
                known.right(one)
            made = by_pieces(one)
            assert made is None or made == expected, (body["resourceType"], body["id"])


def test_a_large_text_is_kept_from_its_check_until_it_is_written() -> None:
    data = "QUJD" * 2000
    body = {"resourceType": "Binary", "id": "a", "contentType": "text/plain", "data": data}
    known = kind("Binary")
    assert known is not None
    known.was_right(body)
    assert known.right(body)
    assert LARGE.held[id(data)][0] is data
    assert by_pieces(body) == whole(body)
    assert id(data) not in LARGE.held


def test_large_texts_are_bounded_in_all() -> None:
    held = [f"{number:02d}" + "x" * (PASSING // 5) for number in range(12)]
    for one in held:
        LARGE.keep((one, one.encode(), None, True))
        LARGE.keep((one, one.encode(), None, True))  # the same again counts once
    assert [id(one) in LARGE.held for one in held] == [False] * 8 + [True] * 4
    assert all(LARGE.take(one) is not None for one in held[8:])
    assert not LARGE.held


def test_composites_over_the_same_elements_share_their_entries() -> None:
    # an older version wrote both; these are the ones under the first name, so what it wrote is found as well
    part = {"code": {"coding": [{"code": "8480-6"}]}, "valueQuantity": {"value": 120}}
    codes, value = (
        (packed("Observation.code|8480-6"), packed("Observation.code||8480-6")),
        tag_packed("Observation.valueQuantity"),
    )
    before = "Observation.component$combo-code$combo-value-quantity"
    pairs = [tag_packed(f"{before}|{code.hex()}|{value.hex()}") for code in codes]
    alone = tag_packed("Observation.component.valueQuantity")
    found = extractor("Observation")({"resourceType": "Observation", "id": "a", "component": [part]})
    assert sorted(one[:12] for one in found.ranges) == sorted([alone, *pairs])
