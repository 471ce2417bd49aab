"""A table's rows are read by their columns' names; what is no table is told with its line."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.csv_format import Csv
from adapters.json_format import Node
from engine.fault import Fault
from engine.mapping.library import Plugins, build
from fhir.convert import CONVERTERS
from fhir.model import Model

CSV = Csv()


def rows(body: bytes) -> list[Any]:
    scope = CSV.parse(body)
    assert isinstance(scope, Node), scope
    return [row.value for row in scope.each("row")]


def value(scope: Any, path: str) -> Any:
    found = CSV.path(path, "", "row")
    assert not isinstance(found, Fault)
    return found.first(scope)


@pytest.mark.parametrize("mark", [",", ";", "\t", "|"])
def test_what_separates_the_columns_is_told_from_the_first_line(mark: str) -> None:
    body = f"name{mark}heart rate\nAnn{mark}72\n\nBob{mark} 80 \n".encode()
    assert rows(body) == [{"name": "Ann", "heart rate": "72"}, {"name": "Bob", "heart rate": "80"}]


def test_a_name_in_quotes_may_hold_what_separates() -> None:
    assert rows(b'"a;b;c;d",e\r\n"1\n2","say ""yes"""\r\n') == [{"a;b;c;d": "1\n2", "e": 'say "yes"'}]


def test_a_column_is_named_or_stands_in_brackets() -> None:
    scope = CSV.parse(b"glucose_mg_dL,Heart rate (bpm)\n99.50,72\n")
    assert isinstance(scope, Node)
    [row] = scope.each("row")
    assert value(row, "glucose_mg_dL") == "99.50"
    assert value(row, "[Heart rate (bpm)]") == "72"
    assert value(scope, "row[1].glucose_mg_dL") == "99.50"
    assert value(row, "missing") is None


def test_an_empty_or_missing_cell_is_not_valued() -> None:
    scope = CSV.parse(b"a,b,c\n1,,\n2\n")
    assert isinstance(scope, Node)
    assert [[value(row, name) for name in "abc"] for row in scope.each("row")] == [["1", None, None], ["2", None, None]]


@pytest.mark.parametrize("body", ["a\nä\n".encode(), "a\nä\n".encode("utf-8-sig"), "a\nä\n".encode("utf-16")])
def test_unicode_is_read_with_or_without_its_mark(body: bytes) -> None:
    assert rows(body) == [{"a": "ä"}]


@pytest.mark.parametrize(
    ("body", "at"),
    [
        (b"", "line 1"), (b"\n\n", "line 1"), (b"a,a\n1,2\n", "line 1"), (b"a\n1,2\n", "line 2"), (b'a\n"1\n', "line 2"),
        (b'a\n"1"2\n', "line 2"), (b"a\n\xe4\n", ""), (b"a\n\x00\n", "line 1"), (b",".join(b"c%d" % n for n in range(1001)), "line 1"),
    ],
)  # fmt: skip
def test_what_is_no_table_is_told_with_its_line(body: bytes, at: str) -> None:
    found = CSV.parse(body)
    assert isinstance(found, Fault)
    assert (found.code, found.at) == ("E197", at)
    assert CSV.envelope(body) == found


def test_a_path_that_is_none_is_told() -> None:
    found = CSV.path("a..b", "", "")
    assert isinstance(found, Fault)
    assert found.code == "E196"


@given(st.binary(max_size=300))
def test_no_bytes_make_it_raise(body: bytes) -> None:
    CSV.parse(body)


def test_a_mapping_reads_a_table_row_by_row() -> None:
    text = """mapping: it
reads: csv
writes: fhir R4
resources:
  Patient as patient each row:
    key: email
    identifier: { value: =email }
  Observation each row if glucose_mg_dL valued:
    key: email, timestamp, "glucose"
    status: final
    code: { text: glucose }
    subject: =ref(patient, must)
    effectiveDateTime: =timestamp
    valueQuantity: { value: =glucose_mg_dL, unit: mg/dL }
"""
    library = build({"it.yaml": text}, Plugins({"csv": CSV}, {"fhir": Model()}, (CONVERTERS,)))
    assert not library.diagnostics, library.diagnostics
    scope = CSV.parse(b"email,timestamp,glucose_mg_dL\na@x,2024-01-02T03:04:05Z,99.50\nb@x,2024-01-02T03:04:05Z,\n")
    found = library.mappings["it"].run(scope)
    assert isinstance(found, list), found
    assert [put.body["resourceType"] for put in found] == ["Patient", "Patient", "Observation"]
    assert found[2].body["valueQuantity"]["value"] == Decimal("99.50")
    assert str(found[2].body["valueQuantity"]["value"]) == "99.50"
    assert found[2].body["subject"]["reference"] == f"Patient/{found[0].body['id']}"
