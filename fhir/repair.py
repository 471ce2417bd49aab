"""What a sender wrote into a field and FHIR R4 allows in no text (datatypes.html#string, #code, #uri) is left out of a body.

Control characters go, a text of blanks says nothing, blanks within a code become one and within a URI `%20`. Nothing else is touched, so
what is wrong otherwise stays wrong.
"""

from __future__ import annotations

import re
from typing import Any

CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
BLANKS = re.compile(r"\s+")
URIS = frozenset({"system", "url"})
KEPT = frozenset({"resourceType", "id", "reference"})


def repaired(value: Any, name: str = "") -> Any:
    """The value without what no FHIR text may hold; None when nothing is left of it."""
    if isinstance(value, str):
        return value if name in KEPT else _text(value, name)
    if isinstance(value, list) and None in value:  # places beside a primitive's extensions
        return value
    if isinstance(value, list):
        return [made for one in value if (made := repaired(one, name)) is not None] or None
    if isinstance(value, dict):
        return {key: made for key, one in value.items() if (made := repaired(one, key)) is not None} or None
    return value


def _text(text: str, name: str) -> str | None:
    text = CONTROL.sub("", text)
    if name == "code":
        text = " ".join(text.split())
    elif name in URIS:
        text = BLANKS.sub("%20", text.strip())
    return text if text.strip() else None
