"""The body of a request: a recording, or a fault that says what is wrong and where."""

import json

import pytest

from engine.fault import Fault
from inference.api.body import Signal, parse


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[",
        b"{}",
        b'{"signal": null}',
        b'{"signal": []}',
        b'{"signal": [[]]}',
        b'{"signal": [[1, 2], [1]]}',
        b'{"signal": [[1, "2"]]}',
        b'{"signal": [[1, NaN]]}',
        b'{"signal": [[1, 1e999]]}',
        b'{"signal": [1, 2, 3]}',
        b'{"signal": [[1], 2]}',
        b'{"signal": "????", "shape": [1, 1]}',
        b'{"signal": "AAAA", "shape": [1, 1]}',
        b'{"signal": "AAAAAA==", "shape": [1, 99999999999]}',
        b'{"signal": "AAAAAA==", "shape": [-1, -1]}',
        b'{"signal": [[1, 2]], "fs": "fast"}',
        b'{"signal": [[1, 2]], "unit": "stone"}',
        b'{"signal": [[1, 2]], "leads": ["I", "II"]}',
        b'{"signal": [[1, 2], [1, 2]], "leads": ["I", "I"]}',
        b'{"signal": [[1, 2], [1, 2]]}',
        json.dumps({"signal": [[0.0]] * 10_000}).encode(),
        b'{"signal":' + b"[" * 5000 + b"]" * 5000 + b"}",
        b"\xff\xfe",
    ],
)
def test_a_body_that_is_no_recording_is_a_fault_and_never_raises(body: bytes) -> None:
    answer = parse(body)
    assert isinstance(answer, Fault) or (b"1e999" in body and isinstance(answer, Signal))


@pytest.mark.parametrize(
    ("body", "at", "word"),
    [
        (b'{"signal": [[1, null]]}', "$.signal[0][1]", "got `null`"),
        (b'{"signal": [[1, NaN]]}', "", "malformed"),
        (b"{}", "", "`signal`"),
        (b'{"signal": [[1]], "fs": "500"}', "$.fs", "got `str`"),
        (b'{"signal": [[1, 2], [1, 2]], "leads": ["I", "Lead I"]}', "leads", "same lead"),
        (b'{"signal": "AAAAAA==", "shape": [5000, 12]}', "shape", "[leads, samples]"),
    ],
)
def test_a_fault_says_what_is_wrong_and_where(body: bytes, at: str, word: str) -> None:
    answer = parse(body)
    assert isinstance(answer, Fault)
    assert (answer.code, answer.at) == ("E830", at)
    assert word in answer.text
    assert answer.help
