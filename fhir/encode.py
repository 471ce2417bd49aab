"""FHIR JSON to plain dicts and back, decimals with every digit.

Refused as faults, never as exceptions: what is not JSON, names that stand twice, NaN and numbers beyond any meaning, lone
surrogates, bodies too deep or too large. Source: https://hl7.org/fhir/R4/json.html.
"""

from __future__ import annotations

import json
import re
from decimal import Decimal
from typing import Any

import msgspec

from engine.fault import Fault, Kind

JSON = dict[str, Any]
MAX_BYTES = 64 * 1024 * 1024
MAX_DEPTH = 100
MAX_DIGITS = 200  # of a number as written
MAX_EXPONENT = 1000

DECODER = msgspec.json.Decoder(float_hook=Decimal)
ENCODER = msgspec.json.Encoder(decimal_format="number")
SORTED = msgspec.json.Encoder(decimal_format="number", order="deterministic")
STRING = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL)
NO_BRACKETS = bytes(sign for sign in range(256) if sign not in b"{}[]")
RUNS = re.compile(rb"[{\[]+|[}\]]+")
HEX4 = re.compile(rb"\\u[dD][89a-fA-F]")


class _Odd(Exception):
    """Carries a Fault out of the decoder's hooks."""

    def __init__(self, fault: Fault) -> None:
        self.fault = fault


def dumps(value: Any) -> bytes:
    """JSON as it is stored and served: compact, UTF-8, decimals as they were written."""
    return ENCODER.encode(value)


def trusted(data: bytes | str) -> JSON:
    """What `dumps` wrote, read back without the checks of `loads`."""
    found: JSON = DECODER.decode(data)
    return found


def loads(data: bytes | str, max_bytes: int = MAX_BYTES) -> JSON | Fault:
    """One JSON object, decimals exact; a Fault E501–E506 says why not."""
    raw = data.encode("utf-8", "surrogatepass") if isinstance(data, str) else bytes(data)
    if len(raw) > max_bytes:
        return Fault(Kind.INCORRECT, "E506", f"the body is larger than {max_bytes} bytes", "", "send smaller resources")
    if too_deep(raw):
        return Fault(Kind.INCORRECT, "E505", f"more than {MAX_DEPTH} objects and arrays inside each other", "", "nest less")
    try:
        text = raw.decode("utf-8").removeprefix("\ufeff")
        found = json.loads(text, object_pairs_hook=_object, parse_float=_float, parse_int=_int, parse_constant=_constant)
    except _Odd as odd:
        return odd.fault
    except UnicodeDecodeError as error:
        return Fault(Kind.INCORRECT, "E501", "the body is not UTF-8", f"byte {error.start}", "send JSON in UTF-8")
    except json.JSONDecodeError as error:
        return Fault(Kind.INCORRECT, "E501", "the body is not JSON", f"line {error.lineno}:{error.colno}", "send one JSON object")
    if not isinstance(found, dict):
        return Fault(Kind.INCORRECT, "E501", "the body is not a JSON object", "", "send one resource")
    if HEX4.search(raw) and _lone(found):
        return Fault(Kind.INCORRECT, "E504", "half of a surrogate pair stands alone", "", "send whole characters")
    return found


def too_deep(raw: bytes) -> bool:
    """Whether brackets nest deeper than allowed; those inside strings are not counted."""
    if raw.count(b"{") + raw.count(b"[") <= MAX_DEPTH:
        return False
    depth = 0
    for run in RUNS.findall(STRING.sub(b"", raw).translate(None, NO_BRACKETS)):
        depth += len(run) if run[0] in b"{[" else -len(run)
        if depth > MAX_DEPTH:
            return True
    return False


def _object(pairs: list[tuple[str, Any]]) -> JSON:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise _Odd(Fault(Kind.INCORRECT, "E502", "a name stands twice in one object", "", "send every element once"))
    return found


def _float(text: str) -> Decimal:
    value = Decimal(text) if len(text) <= MAX_DIGITS else None
    exponent = value.as_tuple().exponent if value is not None else None
    if value is None or not isinstance(exponent, int) or abs(exponent) > MAX_EXPONENT:
        raise _Odd(Fault(Kind.INCORRECT, "E503", "a number larger or finer than any measurement", "", "check the number"))
    return value


def _int(text: str) -> int:
    if len(text) > MAX_DIGITS:
        raise _Odd(Fault(Kind.INCORRECT, "E503", "a number larger than any measurement", "", "check the number"))
    return int(text)


def _constant(text: str) -> Any:
    raise _Odd(Fault(Kind.INCORRECT, "E503", "NaN and Infinity are not numbers", "", "leave the element out"))


def _lone(value: Any) -> bool:
    try:
        ENCODER.encode(value)
    except (UnicodeEncodeError, msgspec.MsgspecError):
        return True
    return False
