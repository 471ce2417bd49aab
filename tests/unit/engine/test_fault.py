"""One table answers for every protocol, and every code is in the register."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from engine.fault import ANSWERS, Fault, Kind

CODE = re.compile(r'"(E\d{3})"')
PACKAGES = ("engine", "adapters", "fhir", "soap", "inference")


def codes_in_the_code(root: Path) -> dict[str, Path]:
    found = {}
    for package in PACKAGES:
        for file in (root / package).rglob("*.py"):
            for code in CODE.findall(file.read_text()):
                found.setdefault(code, file)
    return found


def test_every_kind_has_an_answer_in_every_protocol() -> None:
    assert set(ANSWERS) == set(Kind)
    for kind in Kind:
        assert kind.answer.msa1 in {"AE", "AR"}
        assert 400 <= kind.answer.http <= 599
        assert kind.answer.exit in {1, 2, 3}


@pytest.mark.parametrize("kind", [k for k in Kind if k.answer.retry])
def test_what_may_be_retried_is_the_servers_trouble(kind: Kind) -> None:
    assert kind.answer.msa1 == "AR"
    assert kind.answer.http in {429, 503}


def test_a_fault_leaves_its_empty_parts_out_of_json() -> None:
    assert Fault(Kind.INCORRECT, "E901", "no").as_dict() == {"kind": "incorrect", "code": "E901", "text": "no"}


def test_every_code_is_in_the_register(root: Path) -> None:
    register = set(re.findall(r"^\| (E\d{3}) \|", (root / "docs" / "faults.md").read_text(), re.M))
    missing = {code: str(file.relative_to(root)) for code, file in codes_in_the_code(root).items() if code not in register}
    assert not missing


def test_the_register_names_no_code_twice_and_none_that_is_gone(root: Path) -> None:
    listed = re.findall(r"^\| (E\d{3}) \|", (root / "docs" / "faults.md").read_text(), re.M)
    assert len(listed) == len(set(listed))
    assert set(listed) <= set(codes_in_the_code(root))


def test_every_code_is_named_by_a_test_that_provokes_it(root: Path) -> None:
    named: set[str] = set()
    for file in (root / "tests").rglob("*"):
        if file.suffix in (".py", ".txt", ".yaml") and "__pycache__" not in file.parts:
            named |= set(re.findall(r"E\d{3}(?!\d)", f"{file.name} {file.read_text(encoding='utf-8', errors='replace')}"))
    assert sorted(set(codes_in_the_code(root)) - named) == []
