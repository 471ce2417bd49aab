"""Each function does what its example says, and the reference for analysts shows it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from engine.mapping.functions import ALL, FUNCTIONS
from engine.mapping.reference import table

EXAMPLES = [(one, example) for one in ALL for example in one.examples]


@pytest.mark.parametrize(("function", "example"), EXAMPLES, ids=[example.call for _, example in EXAMPLES])
def test_a_function_does_what_its_example_says(bench: Any, function: Any, example: Any) -> None:
    mapping = f"""mapping: it
reads: json
writes: fhir R4
resources:
  Basic:
    key: id
    code: {{ text: '={"given"} | {example.call}' }}
"""
    body = json.dumps({"id": "1", "given": list(example.given)}).encode()
    (put,) = bench.run(mapping, body=body) if example.gives is not None else (None,)
    if put is not None:
        assert put.body["code"]["text"] == example.gives
    else:
        library = bench.library(mapping)
        assert "code" not in library.mappings["it"].run(bench.scope(body))[0].body


def test_the_reference_lists_every_function_with_its_examples(root: Any) -> None:
    assert table(FUNCTIONS) in (root / "docs" / "mapping.md").read_text("utf-8")
