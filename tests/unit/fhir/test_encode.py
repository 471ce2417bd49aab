"""FHIR JSON in and out: every digit kept, and what no reader should accept refused."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.fault import Fault
from fhir import encode


@pytest.mark.parametrize("digits", ["7.10", "0.40", "100", "1.000000000000000000001", "-0.0", "0.000001"])
def test_a_decimal_keeps_its_digits(digits: str) -> None:
    raw = f'{{"value":{digits}}}'.encode()
    found = encode.loads(raw)
    assert not isinstance(found, Fault)
    assert encode.dumps(found) == raw


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (b"", "E501"),
        (b"[]", "E501"),
        (b"{", "E501"),
        (b'{"a":01}', "E501"),
        (b'{"a":"\xff"}', "E501"),
        ("{}".encode("utf-16"), "E501"),
        (b'{"a":1,"a":2}', "E502"),
        (b'{"a":{"b":1,"b":1}}', "E502"),
        (b'{"a":NaN}', "E503"),
        (b'{"a":-Infinity}', "E503"),
        (b'{"a":1e1001}', "E503"),
        (b'{"a":1e999999999}', "E503"),
        (b'{"a":1e-999999999}', "E503"),
        (b'{"a":1e' + b"9" * 5000 + b"}", "E503"),
        (b'{"a":' + b"9" * 10_000 + b"}", "E503"),
        (b'{"a":0.' + b"1" * 10_000 + b"}", "E503"),
        (b'{"a":"\\ud800"}', "E504"),
        (b'{"\\uDFFF":1}', "E504"),
        (b'{"a":' * 400 + b"1" + b"}" * 400, "E505"),
        (b'{"a":' + b"[" * 100_000, "E505"),
    ],
)
def test_what_is_no_fhir_json_is_a_fault(raw: bytes, code: str) -> None:
    found = encode.loads(raw)
    assert isinstance(found, Fault)
    assert found.code == code


def test_a_body_beyond_the_limit_is_refused_unread() -> None:
    found = encode.loads(b'{"a":1}', max_bytes=3)
    assert isinstance(found, Fault)
    assert found.code == "E506"


def test_a_pair_of_surrogates_is_a_character_and_brackets_in_text_do_not_nest() -> None:
    assert encode.loads(b'{"a":"\\ud83d\\ude00"}') == {"a": "\U0001f600"}
    assert encode.loads(b'{"a":"' + b"[{" * 500 + b'"}') == {"a": "[{" * 500}


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**20), 10**20)
    | st.text()
    | st.decimals(allow_nan=False, allow_infinity=False, places=6),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(st.dictionaries(st.text(), VALUES, max_size=4))
def test_what_is_written_is_read_back(value: dict[str, object]) -> None:
    found = encode.loads(encode.dumps(value))
    assert found == value
    assert isinstance(found, dict)


@given(st.binary(max_size=200))
def test_any_bytes_give_an_object_or_a_fault(raw: bytes) -> None:
    assert isinstance(encode.loads(raw), dict | Fault)


def test_a_decimal_is_never_read_as_a_float() -> None:
    found = encode.loads(b'{"a":[1.5]}')
    assert found == {"a": [Decimal("1.5")]}
    assert isinstance(found, dict)
    assert isinstance(found["a"][0], Decimal)
