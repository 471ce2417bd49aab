"""A masked message shows its structure and none of its values."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from adapters.hl7v2.format import Hl7v2
from adapters.hl7v2.mask import MOST, masked
from engine.tap import kinds
from engine.tap import masked as tapped

MESSAGE = (
    b"MSH|^~\\&|LAB|HOSP|||20260102030405||ORU^R01|77|P|2.5.1\r"
    b'PID|1||A17^^^HOSP~999^^^SSN||Canary^Alert\\T\\X||19700101|""\rZZZ|sub&parts|-7.10\rSMITH JOHN\r'
)


def test_segments_fields_and_components_stand_and_values_give_way_to_their_kinds() -> None:
    assert masked(MESSAGE).split("\n") == [
        "MSH||<text>|<text>|||<time>||<text>^<text>|<number>|<text>|<text>",
        "PID|<number>||<text>^^^<text>~<number>^^^<text>||<text>^<text>||<time>|<null>",
        "ZZZ|<text>&<text>|<number>",
        "<10 bytes>",
    ]


def test_a_message_of_its_own_separators_and_one_that_is_none_show_nothing_either() -> None:
    assert masked(b"MSH*:~\\&*LAB\rPID*1**A:B\r") == "MSH||<text>\nPID|<number>||<text>^<text>"
    assert masked(b"MSHAAAAAAsecret") == "<15 bytes>"
    assert masked(b"hello secret") == "<12 bytes>"
    assert masked(b"PID|1\r" * (MOST + 5)).endswith("bytes more>")


@given(st.lists(st.sampled_from(["QZXV", "|", "^", "~", "&", "\r", "PID", "MSH|^~\\&|", "7771777", "\\", "é"]), max_size=40))
def test_whatever_comes_no_value_is_shown(parts: list[str]) -> None:
    shown = masked("".join(parts).encode())
    assert "QZXV" not in shown
    assert "7771777" not in shown


def test_json_shows_names_and_kinds() -> None:
    body = {"pulse": 72, "note": "Canary", "list": [1, 2, 3, 4], "John Canary": True, "none": None}
    assert kinds(body) == {
        "pulse": "<number>", "note": "<text>", "list": ["<number>"] * 3 + ["<1 more>"], "<name>": "<true or false>", "none": "<null>",
    }  # fmt: skip
    assert "Canary" not in tapped(json.dumps(body).encode(), None)
    assert tapped(b"{" * 9, None) == "<9 bytes>"
    assert tapped(b"<a>Canary</a>", None) == "<13 bytes>"
    assert tapped(MESSAGE, Hl7v2()).startswith("MSH||")
