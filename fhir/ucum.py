"""Units of measure: reads a UCUM expression, and converts values between units of one dimension.

Source: The Unified Code for Units of Measure, sections 2 to 4 (case-sensitive codes). A unit becomes an exact factor and the powers
of base units; two units convert when their powers are equal. Differently from UCUM, a mole, an international unit, an equivalent and
an osmole are dimensions of their own: a concentration in mol/L is never turned into a bare count per litre.
"""

from __future__ import annotations

import re
from decimal import Decimal, localcontext
from fractions import Fraction
from functools import lru_cache
from typing import NamedTuple

from fhir.ucum_table import PREFIXES, UNITS

MAX_LENGTH = 128
MAX_POWER = 30
DIGITS = 28
_TOKEN = re.compile(r"\{[^{}]*\}|[()./]|(?:\[[^\[\]]*\]|10[*^]|[A-Za-z%'\"_*^]|\[)+|[+-]?\d+")


class Unit(NamedTuple):
    """A value in this unit is `value × factor + shift` in base units; `powers` holds (base unit, power), sorted, none zero."""

    factor: Fraction
    powers: tuple[tuple[str, int], ...]
    shift: Fraction = Fraction(0)

    @property
    def dimension(self) -> str:
        """The canonical expression of the base units: `g.m-3`; `1` for a bare number."""
        return ".".join(name + (str(power) if power != 1 else "") for name, power in self.powers) or "1"


ONE = Unit(Fraction(1), ())


@lru_cache(maxsize=4096)
def parse(code: str) -> Unit | None:
    """A UCUM code as a Unit; None when it is none. Annotations in braces count as 1."""
    if not code or len(code) > MAX_LENGTH or not code.isascii():
        return None
    tokens = _TOKEN.findall(code)
    if "".join(tokens) != code:
        return None
    reader = _Reader(tokens)
    unit = reader.term()
    return unit if unit is not None and not reader.tokens else None


def canonical(value: Decimal, code: str) -> tuple[Decimal, str] | None:
    """The value in base units and their expression, None when the code is no UCUM unit: (5.0, "mmol/L") to (5.0, "m-3.mol")."""
    unit = parse(code)
    if unit is None or not value.is_finite() or abs(value.adjusted()) > 100:
        return None
    return _decimal(Fraction(value) * unit.factor + unit.shift), unit.dimension


def convert(value: Decimal, source: str, target: str) -> Decimal | None:
    """The value in another unit, None when the two have different dimensions or one is no UCUM unit."""
    if source == target:
        return value
    old, new = parse(source), parse(target)
    if old is None or new is None or old.powers != new.powers or not value.is_finite() or abs(value.adjusted()) > 100:
        return None
    return _decimal((Fraction(value) * old.factor + old.shift - new.shift) / new.factor)


def _decimal(value: Fraction) -> Decimal:
    with localcontext() as context:
        context.prec = DIGITS
        return Decimal(value.numerator) / Decimal(value.denominator)


class _Reader:
    """A recursive-descent reader over the tokens; nesting is bounded by the length of a code."""

    def __init__(self, tokens: list[str]) -> None:
        self.tokens = tokens[::-1]

    def peek(self) -> str:
        return self.tokens[-1] if self.tokens else ""

    def term(self) -> Unit | None:
        if self.peek() == "/":
            unit: Unit | None = ONE
        else:
            unit = self.component()
        while unit is not None and self.peek() in (".", "/"):
            sign = 1 if self.tokens.pop() == "." else -1
            other = self.component()
            unit = None if other is None else _times(unit, other, sign)
        return unit

    def component(self) -> Unit | None:
        token = self.peek()
        if token == "(":
            self.tokens.pop()
            inside = self.term()
            if self.peek() != ")":
                return None
            self.tokens.pop()
            return inside
        if not token or token in ("/", ".", ")"):
            return None
        self.tokens.pop()
        if token.startswith("{"):
            return ONE
        unit = Unit(Fraction(int(token)), ()) if token.isdigit() else _symbol(token)
        if unit is not None and not token.isdigit() and re.fullmatch(r"[+-]?\d+", self.peek()):
            unit = _power(unit, int(self.tokens.pop()))
        if unit is not None and self.peek().startswith("{"):
            self.tokens.pop()
        return unit


def _symbol(token: str) -> Unit | None:
    if token in ("10*", "10^"):
        return Unit(Fraction(10), ())
    if token in UNITS:
        return _defined(token)
    for size in (1, 2):
        base = token[size:]
        if token[:size] in PREFIXES and base in UNITS and UNITS[base].metric:
            unit = _defined(base)
            return None if unit is None or unit.shift else Unit(unit.factor * PREFIXES[token[:size]], unit.powers)
    return None


@lru_cache(maxsize=1024)
def _defined(token: str) -> Unit | None:
    entry = UNITS[token]
    if entry.of is None:
        return Unit(Fraction(1), ((token, 1),))
    unit = parse(entry.of)
    return None if unit is None else Unit(unit.factor * entry.factor, unit.powers, entry.shift)


def _times(left: Unit, right: Unit, sign: int) -> Unit | None:
    if left.shift or right.shift or right.factor == 0:
        return None
    powers = dict(left.powers)
    for name, power in right.powers:
        powers[name] = powers.get(name, 0) + sign * power
    kept = tuple(sorted((name, power) for name, power in powers.items() if power))
    return Unit(left.factor * right.factor**sign, kept)


def _power(unit: Unit, power: int) -> Unit | None:
    if unit.shift or abs(power) > MAX_POWER or (unit.factor == 0 and power < 0):
        return None
    return Unit(unit.factor**power, tuple((name, each * power) for name, each in unit.powers if each * power))
