"""FHIR R4's primitive types: the texts they accept, and the values they stand for.

Source: https://hl7.org/fhir/R4/datatypes.html. The expressions are our own where the specification's are too weak (days that
do not exist) or too slow (base64Binary, which backtracks for seconds); all are linear in an engine without backtracking.
"""

from __future__ import annotations

import re
from decimal import Decimal, InvalidOperation
from typing import Any

from engine.fault import Fault, Kind
from fhir.repair import CONTROL

LEAP = "(?:[0-9][0-9](?:0[48]|[2468][048]|[13579][26])|(?:[02468][048]|[13579][26])00)"
YEAR = "(?:[0-9](?:[0-9](?:[0-9][1-9]|[1-9]0)|[1-9]00)|[1-9]000)"
DAY = (
    f"(?:{YEAR}-(?:(?:0[13578]|1[02])-(?:0[1-9]|[12][0-9]|3[01])|(?:0[469]|11)-(?:0[1-9]|[12][0-9]|30)|02-(?:0[1-9]|1[0-9]|2[0-8]))"
    f"|{LEAP}-02-29)"
)
CLOCK = r"(?:[01][0-9]|2[0-3]):[0-5][0-9]:(?:[0-5][0-9]|60)(?:\.[0-9]+)?"
ZONE = "(?:Z|[+-](?:(?:0[0-9]|1[0-3]):[0-5][0-9]|14:00))"
MONTH = f"{YEAR}(?:-(?:0[1-9]|1[0-2]))?"
BASE64 = r"(?:(?:\s*[A-Za-z0-9+/]){4})*(?:(?:\s*[A-Za-z0-9+/]){2}(?:\s*=){2}|(?:\s*[A-Za-z0-9+/]){3}\s*=)?\s*"
TEXT = r"[^\x00-\x08\x0b\x0c\x0e-\x1f]*[^\x00-\x20][^\x00-\x08\x0b\x0c\x0e-\x1f]*"  # no controls, not blank
WORD = r"[^\x00-\x20]+"  # no white space, no controls
UUID = "urn:uuid:[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}"

PATTERNS: dict[str, str] = {
    "base64Binary": BASE64,
    "canonical": WORD,
    "code": r"[^\x00-\x20]+(?: [^\x00-\x20]+)*",
    "date": f"(?:{MONTH}|{DAY})",
    "dateTime": f"(?:{MONTH}|{DAY}(?:T{CLOCK}{ZONE})?)",
    "id": r"[A-Za-z0-9\-.]{1,64}",
    "instant": f"{DAY}T{CLOCK}{ZONE}",
    "markdown": TEXT,
    "oid": r"urn:oid:[0-2](?:\.(?:0|[1-9][0-9]*))+",
    "string": TEXT,
    "time": CLOCK,
    "uri": WORD,
    "url": WORD,
    "uuid": UUID,
    "xhtml": TEXT,
}
BOUNDS: dict[str, tuple[int, int]] = {
    "integer": (-(2**31), 2**31 - 1),
    "positiveInt": (1, 2**31 - 1),
    "unsignedInt": (0, 2**31 - 1),
}
INTEGER = re.compile(r"-?(?:0|[1-9][0-9]{0,9})")
DECIMAL = re.compile(r"-?(?:0|[1-9][0-9]{0,200})(?:\.[0-9]{1,200})?(?:[eE][+-]?[0-9]{1,3})?")
TEXTS = {name: re.compile(pattern) for name, pattern in PATTERNS.items() if name != "base64Binary"}


def literal(type: str, text: str) -> Any:
    """The value a text stands for: `true` is True, `7.10` is Decimal("7.10"); E524 when the type does not accept it. Control characters
    that no text may hold are left out of a string.
    """
    if type == "boolean":
        return text == "true" if text in ("true", "false") else wrong(type)
    if type in BOUNDS:
        least, most = BOUNDS[type]
        return int(text) if INTEGER.fullmatch(text) and least <= int(text) <= most else wrong(type)
    if type == "decimal":
        return decimal(text)
    if type == "base64Binary":
        return text if re.fullmatch(r"[A-Za-z0-9+/=\s]*", text) and len("".join(text.split())) % 4 == 0 else wrong(type)
    known = TEXTS.get(type)
    if known is None or known.fullmatch(text):
        return text
    clean = CONTROL.sub("", text) if type in ("string", "markdown") else text
    return clean if clean != text and known.fullmatch(clean) else wrong(type)


def decimal(text: str) -> Decimal | Fault:
    """A decimal with all its digits."""
    try:
        return Decimal(text) if DECIMAL.fullmatch(text) else wrong("decimal")
    except InvalidOperation:
        return wrong("decimal")


def wrong(type: str) -> Fault:
    """The fault for a text that is no value of the type."""
    return Fault(Kind.INCORRECT, "E524", f"not a FHIR {type}", "", f"write a {type} as FHIR R4 does")
