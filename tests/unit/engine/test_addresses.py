"""An address is a host and a port, or a fault."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.fault import Fault
from engine.settings import split_address


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("127.0.0.1:8080", ("127.0.0.1", 8080)),
        ("tcp:10.0.0.5:2575", ("10.0.0.5", 2575)),
        ("[::1]:8080", ("::1", 8080)),
        ("8080", ("127.0.0.1", 8080)),
        (":0", ("127.0.0.1", 0)),
        ("localhost:65535", ("localhost", 65535)),
    ],
)
def test_an_address_is_read(text: str, expected: tuple[str, int]) -> None:
    assert split_address(text) == expected


@pytest.mark.parametrize(
    "text", ["", "host", "host:", "host:65536", "host:-1", "host:²", "host:٣", "host:80 ", "host:" + "9" * 5000]
)
def test_what_is_no_address_is_a_fault(text: str) -> None:
    found = split_address(text)
    assert isinstance(found, Fault)
    assert found.code == "E901"


@given(st.text())
def test_no_text_breaks_the_reading_of_addresses(text: str) -> None:
    assert isinstance(split_address(text), Fault | tuple)
