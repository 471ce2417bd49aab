"""Whatever a person writes, the parsers answer with a value or a finding that points into the text."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.diagnostic import Diagnostic, Span
from engine.mapping import formula, key, nodes
from engine.mapping.read import read
from engine.mapping.tables import read_table
from engine.mapping.words import KEYWORDS

AT = Span("it.yaml", 3, 9, 1)
WORDS = st.sampled_from(
    ["OBX-3", "PID-3[2].4", "else", "|", "table", "(", ")", ",", '"a b"', '"', "ref", "=", "!=", "in", "not", "and", "or", "if",
     "each", "as", "valued", "empty", "7.10", "é", "#", "[", "]", "==", "<", ">=", " "]
)  # fmt: skip
TEXT = st.one_of(st.text(max_size=60), st.lists(WORDS, max_size=14).map(" ".join))
PATH = st.from_regex(r"[A-Z]{3}-[1-9][0-9]?(\[[1-9]\])?(\.[1-9])?", fullmatch=True)
WORD = st.one_of(PATH, st.from_regex(r"[A-Za-z][A-Za-z0-9]{0,8}", fullmatch=True).filter(lambda word: word not in KEYWORDS))
QUOTED = st.text(alphabet=st.characters(codec="utf-8"), max_size=10).map(lambda text: '"' + text.replace('"', '""') + '"')


@pytest.mark.parametrize("parser", [formula.formula, formula.keys, key.test, key.key])
@given(text=TEXT)
def test_a_parser_gives_a_value_or_a_finding_within_the_text(parser: Any, text: str) -> None:
    found = parser(text, AT)
    if isinstance(found, Diagnostic):
        assert found.code in ("E300", "E318")
        assert AT.column <= found.at.column <= AT.column + len(text)
        assert found.at.length >= 1


@given(
    choice=st.lists(st.one_of(PATH, QUOTED), min_size=1, max_size=4),
    calls=st.lists(st.tuples(WORD, st.lists(QUOTED, max_size=2)), max_size=3),
)
def test_a_formula_that_follows_the_grammar_is_read_as_written(choice: list[str], calls: list[tuple[str, list[str]]]) -> None:
    calls = [(name, words) for name, words in calls if name.isidentifier()]
    tail = "".join(f" | {name}({', '.join(words)})" if words else f" | {name}" for name, words in calls)
    made = formula.formula(" else ".join(choice) + tail, AT)
    assert isinstance(made, nodes.Formula)
    meant = [one[1:-1].replace('""', '"') if one[0] == '"' else one for one in choice]
    assert [one.text for one in made.choice if not isinstance(one, nodes.Call)] == meant
    assert [call.name for call in made.calls] == [name for name, _ in calls]
    assert [len(call.words) for call in made.calls] == [len(words) for _, words in calls]


@given(text=st.one_of(st.text(max_size=300), st.binary(max_size=300)))
def test_a_mapping_file_of_any_content_is_read_or_refused(text: str | bytes) -> None:
    tree, found = read(text, "it.yaml")
    assert tree is not None or found


@given(lines=st.lists(st.tuples(TEXT, TEXT), max_size=8))
def test_a_mapping_file_of_odd_rules_is_read_or_refused(lines: list[tuple[str, str]]) -> None:
    head = "mapping: it\nreads: json\nwrites: fhir R4\nresources:\n  Patient:\n    key: id\n"
    tree, found = read(head + "".join(f"    {key}: {value}\n" for key, value in lines), "it.yaml")
    assert tree is not None or found


CODE = st.from_regex(r"[A-Za-z0-9?*]{1,6}", fullmatch=True)


@given(rows=st.dictionaries(CODE, CODE, min_size=1, max_size=12))
def test_a_table_s_inverse_takes_every_unshared_answer_back(rows: dict[str, str]) -> None:
    lines = "".join(f'  "{code}": "{answer}"\n' for code, answer in rows.items())
    table, found = read_table(f"table: it\notherwise: refuse\nrows:\n{lines}", "it.yaml")
    assert table is not None, found
    for code, answer in rows.items():
        row, back = table.answer(code), table.back(answer)
        assert row is not None and row.code == answer
        shared = list(rows.values()).count(answer) > 1
        assert (back is None) if shared else (back is not None and back.code == code)


def test_aliases_cannot_be_multiplied() -> None:
    text = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
        f"{name}: &{name} [{', '.join([f'*{before}'] * 9)}]\n" for before, name in zip("abcdefgh", "bcdefghi", strict=True)
    )
    tree, found = read(text, "it.yaml")
    assert tree is None
    assert [one.code for one in found] == ["E203"]


def test_nesting_is_bounded_before_anything_is_built() -> None:
    tree, found = read("[" * 50_000, "it.yaml")
    assert tree is None
    assert [one.code for one in found] == ["E203"]


def test_brackets_in_a_test_are_bounded() -> None:
    assert isinstance(key.test("(" * 5_000 + "A-1 valued", AT), Diagnostic)
