"""The shipped mappings against the pairs another team publishes, and over the public corpus. Skipped where the data is absent."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from engine.fault import Fault
from engine.mapping.installed import installed
from engine.mapping.library import Library, choose, load_folder
from engine.mapping.testing import run_folder
from fhir.coverage import Report, cover
from fhir.coverage.reasons import UNEXPLAINED
from fhir.validate import validate

SHIPPED = ("ADT", "ORU", "ORM", "OML")


@pytest.fixture(scope="module")
def library(root: Path) -> Library:
    return load_folder(root / "mappings", installed())


@pytest.fixture(scope="module")
def oracle(library: Library, shared_data: Path) -> Report:
    def run(body: bytes) -> list[dict[str, Any]] | str:
        return mapped(library, body)

    return cover(shared_data / "v2_to_fhir" / "reportstream", run)


def mapped(library: Library, body: bytes) -> list[dict[str, Any]] | str:
    format = installed().formats["hl7v2"]
    scope, envelope = format.parse(body), format.envelope(body)
    if isinstance(scope, Fault) or isinstance(envelope, Fault):
        return "unreadable"
    mapping = choose(library, "hl7v2", envelope.type)
    made: Any = mapping.run(scope) if mapping else ()
    return [put.body for put in made] if isinstance(made, list) else " ".join(fault.code for fault in made) or "no mapping"


def test_the_shipped_mappings_are_sound(library: Library) -> None:
    assert not [str(one) for one in library.diagnostics]


def test_nine_facts_of_ten_agree(oracle: Report) -> None:
    assert oracle.cases >= 100
    assert oracle.agreed >= 0.90


def test_every_disagreement_has_its_reason(oracle: Report) -> None:
    assert oracle.reasons[UNEXPLAINED] == 0, oracle.as_dict()["unexplained"]


def messages(folder: Path) -> Iterator[tuple[str, bytes]]:
    for path in sorted(folder.rglob("*")):
        if path.is_file() and (body := path.read_bytes()).lstrip(b"\xef\xbb\xbf\x0b\r\n ").startswith(b"MSH"):
            yield path.relative_to(folder).as_posix(), body


def test_every_message_of_the_corpus_maps_to_valid_resources_or_is_refused(library: Library, shared_data: Path) -> None:
    good = bad = 0
    for name, body in messages(shared_data / "hl7v2"):
        found = mapped(library, body)
        if isinstance(found, str):
            bad += found not in ("unreadable", "no mapping")
            continue
        good += 1
        faults = {fault.code for resource in found for fault in validate(resource)}
        assert faults <= {"E511"}, (name, faults)  # an OBX without an identifier: the step `validate` holds the message
    assert good >= 200 and bad <= 20


def test_the_tests_beside_the_shipped_mappings_pass(root: Path, library: Library) -> None:
    done = run_folder(root / "mappings", library, installed())
    assert len(done) >= 40
    assert not [(one.mapping, one.name, [str(why) for why in one.failed]) for one in done if not one.passed]
