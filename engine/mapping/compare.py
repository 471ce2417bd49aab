"""Less and greater: numbers by their value, dates and all else only when both sides are alike."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from typing import Any

ORDER: dict[str, Callable[[Any, Any], bool]] = {"<": operator.lt, ">": operator.gt, "<=": operator.le, ">=": operator.ge}

_COMPARATOR = re.compile(r"\s*[<>]=?")


def number(text: str) -> Decimal | None:
    """The number a text is, exactly; None when it is none."""
    try:
        found = Decimal(text.strip())
    except InvalidOperation:
        return None
    return found if found.is_finite() else None


def is_number(text: str) -> bool:
    """Whether a text is a number, with or without a comparator before it: `<0.01`, `>= 3`."""
    return number(_COMPARATOR.sub("", text, count=1)) is not None


def ordered(text: str, sign: str, word: str) -> bool:
    """Whether a received text stands in this order to the word of a test; what is no number is in no order to one."""
    right = number(word)
    if right is None:
        return ORDER[sign](text, word)
    left = number(text)
    return left is not None and ORDER[sign](left, right)
