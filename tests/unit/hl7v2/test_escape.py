"""Escape sequences, both ways."""

from __future__ import annotations

import time

import pytest

from adapters.hl7v2.escape import STANDARD, Delimiters, escape, unescape


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        (r"a\F\b\S\c\T\d\R\e\E\f", r"a|b^c&d~e\f"),
        (r"\X48656C6C6F\ there", "Hello there"),
        (r"\X0D0A\x", "\r\nx"),
        (r"one\.br\two\.sp2\three", "one\ntwo\n\nthree"),
        (r"\H\loud\N\ quiet", "loud quiet"),
        (r"\.in4\text", "text"),
        (r"\Zlocal\ stays \Zlocal\ ", r"\Zlocal\ stays \Zlocal\ "),
        (r"\Fnever closed", r"\Fnever closed"),
        (r"C:\temp\F\x", r"C:\temp|x"),
        (r"\X4\ odd", r"\X4\ odd"),
        ("\\", "\\"),
        ("\\\\", "\\\\"),
        (r"\M2442\;3ED\C2842\ Taro", "山田 Taro"),
    ],
)
def test_escapes_are_decoded_in_one_pass_and_unknown_ones_stay(written: str, meant: str) -> None:
    assert unescape(written) == meant


def test_hexadecimal_bytes_are_read_in_the_character_set_of_the_message() -> None:
    assert unescape(r"caf\XE9\ ", codec="iso8859-1") == "café "
    assert unescape(r"caf\XC3A9\ ") == "café "
    assert unescape(r"caf\XE9\ ") == r"caf\XE9\ "


def test_the_escape_character_is_the_one_declared() -> None:
    marks = Delimiters("|", "^", "~", "!", "&")
    assert unescape(r"a!F!b\F\c", marks) == r"a|b\F\c"
    assert escape("a|b!c", marks) == "a!F!b!E!c"


@pytest.mark.parametrize("value", ["a|b", "x^y~z&w\\", "\x0bMSH|^~\\&\x1c\r", '""', "line\nline", "\x00\x1b[31m", "\\F\\"])
def test_what_is_escaped_holds_no_delimiter_and_reads_back(value: str) -> None:
    written = escape(value)
    assert not set(written) & set("|^~&\r\n\x0b\x1c\x00\x1b")
    assert written != '""'
    assert unescape(written) == value


@pytest.mark.parametrize(
    "bomb", ["\\" * 200_000, r"\F" * 100_000, "\\X" + "41" * 500_000 + "\\", "\\X41" * 100_000, r"\Z" * 100_000]
)
def test_escape_bombs_take_linear_time(bomb: str) -> None:
    start = time.process_time()
    unescape(bomb, STANDARD)
    assert time.process_time() - start < 1.5
