"""What is declared is pinned: a dependency without a line in the lock would be missing on a fresh machine."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

NAME = re.compile(r"^([A-Za-z0-9._-]+)")


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def pinned(path: Path) -> set[str]:
    return {normal(match[1]) for line in path.read_text().splitlines() if (match := re.match(r"^([A-Za-z0-9._-]+)==", line))}


@pytest.mark.parametrize(("group", "lock"), [("", "requirements.lock"), ("test", "requirements-test.lock")])
def test_every_dependency_is_pinned(root: Path, group: str, lock: str) -> None:
    project = tomllib.loads((root / "pyproject.toml").read_text())["project"]
    declared = project["optional-dependencies"][group] if group else project["dependencies"]
    names = {normal(match[1]) for one in declared if (match := NAME.match(one))}
    assert names <= pinned(root / lock)


def test_every_pin_has_a_hash(root: Path) -> None:
    for lock in ("requirements.lock", "requirements-test.lock"):
        text = (root / lock).read_text()
        pins = re.findall(r"^[A-Za-z0-9._-]+==.*?(?=^\S|\Z)", text, re.M | re.S)
        assert pins
        assert all("--hash=sha256:" in pin for pin in pins)
        assert "://" not in text
