"""A document with one value written anew, for the tests beside mappings."""

from __future__ import annotations

import pytest

from adapters.json_format import Json
from engine.fault import Fault

BODY = b'{"a": 1.50, "b": [{"c": "x"}, {"c": 2}], "d": null}'


@pytest.mark.parametrize(
    ("path", "text", "gives"),
    [
        ("a", "7.10", b'{"a":7.10,"b":[{"c":"x"},{"c":2}],"d":null}'),
        ("a", "fast", b'{"a":"fast","b":[{"c":"x"},{"c":2}],"d":null}'),
        ("b[1].c", "7", b'{"a":1.50,"b":[{"c":"7"},{"c":2}],"d":null}'),
        ("b[2].c", "7", b'{"a":1.50,"b":[{"c":"x"},{"c":7}],"d":null}'),
        ("b[2]", "y", b'{"a":1.50,"b":[{"c":"x"},"y"],"d":null}'),
        ("e", "new", b'{"a":1.50,"b":[{"c":"x"},{"c":2}],"d":null,"e":"new"}'),
        ("d", "", b'{"a":1.50,"b":[{"c":"x"},{"c":2}]}'),
    ],
)
def test_one_value_is_written_anew_and_all_others_stay(path: str, text: str, gives: bytes) -> None:
    assert Json().change(BODY, path, text) == gives


@pytest.mark.parametrize("path", ["x.y", "b[3].c", "a.b", "b[9]", "a[1]"])
def test_a_place_that_is_not_there_is_told(path: str) -> None:
    found = Json().change(BODY, path, "1")
    assert isinstance(found, Fault)
    assert found.code == "E351"


def test_what_is_no_path_or_no_document_is_told() -> None:
    for body, path, code in ((BODY, "a..b", "E196"), (b"{", "a", "E194")):
        found = Json().change(body, path, "1")
        assert isinstance(found, Fault)
        assert found.code == code
