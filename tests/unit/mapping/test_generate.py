"""The source written for mappings: it holds nothing that a file says, and the same rules share it."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from adapters.hl7v2.format import Hl7v2
from adapters.hl7v2.shape import Node, names, structure
from engine.mapping.compile_value import Kit
from engine.mapping.draft import compiled
from engine.mapping.generate import source, written
from engine.mapping.installed import installed
from engine.mapping.library import Library, load_folder
from engine.mapping.remember import Memory

OURS = {"resourceType", "id", "", None, True, False}


@pytest.fixture(scope="module")
def library(root: Path) -> Library:
    return load_folder(root / "mappings", installed())


def test_no_text_of_a_file_stands_in_the_source(library: Library) -> None:
    texts: set[str] = set()
    for mapping in library.mappings.values():
        if mapping.reads[0] != "hl7v2":
            continue
        for rule in mapping.plan.resources:
            text, _ = written(rule, Kit(mapping.plan.model), Memory(), Hl7v2().depends)  # type: ignore[arg-type]
            texts.add(text)
    for text in texts:
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.Constant):
                assert node.value in OURS or node.value.__class__ is int
    assert len(texts) > 20


def test_rules_of_one_shape_are_compiled_once() -> None:
    assert compiled("found = 1") is compiled("found = 1")


def test_the_source_of_a_mapping_can_be_read(library: Library) -> None:
    plan = library.mappings["oru_r01"].plan
    text = source(plan, Hl7v2().depends)  # type: ignore[arg-type]
    ast.parse(text)
    for rule in plan.resources:
        assert f"# {rule.type} {rule.name} {rule.each}" in text


def test_groups_that_stand_side_by_side_have_names_of_their_own() -> None:
    """What encloses a scope is read once for all scopes of its name beside it."""

    def walk(node: Node) -> None:
        below = [slot.name for slot in node.slots if slot.node is not None]
        assert len(below) == len(set(below))
        for slot in node.slots:
            if slot.node is not None:
                walk(slot.node)

    for name in names():
        walk(structure(name))
