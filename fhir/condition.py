"""Conditions over one FHIR resource, for alert rules and watches: a small subset of FHIRPath in an analyst's words.

    code has http://loinc.org#2823-3 and (value < 2.8 or value > 6.2)
    status in (final, amended, corrected) and interpretation has any#HH

    test    := clause { ("and" | "or") clause }        `and` binds closer; parentheses group; `not` turns a clause
    clause  := path ("valued" | "empty") | path "has" SYSTEM#CODE (any#CODE for every system) | path OP word | path "in" "(" word {"," word} ")"
    OP      := = != < <= > >=

`value` stands for value[x]. A comparison with a number reads a Quantity in the condition's unit: it is converted first, and a
quantity of another dimension, with a comparator or without a UCUM unit makes the condition say so (a Fault) instead of guessing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

from engine.fault import Fault, Kind, Refused
from fhir.ucum import convert, parse

Test = Callable[[dict[str, Any]], bool]
_TOKEN = re.compile(r'\s*("[^"]*"|[()]|,|<=|>=|!=|=|<|>|[^\s()<>=!,"]+)')
_NUMBER = re.compile(r"-?\d+(\.\d+)?")
_OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "=": lambda a, b: bool(a == b), "!=": lambda a, b: bool(a != b), "<": lambda a, b: bool(a < b),
    "<=": lambda a, b: bool(a <= b), ">": lambda a, b: bool(a > b), ">=": lambda a, b: bool(a >= b),
}  # fmt: skip
CHOICES = ("valueQuantity", "valueCodeableConcept", "valueString", "valueInteger", "valueBoolean", "valueDateTime")
MAX_TOKENS = 400
WORDS = {"and", "or", "not", "has", "in", "valued", "empty"}


@dataclass(frozen=True, slots=True)
class Condition:
    """A compiled condition: `holds(resource)` is True, False, or a Fault when the resource cannot be judged."""

    text: str
    unit: str
    _test: Test
    _about: tuple[Test, ...] = ()
    reads: tuple[str, ...] = ()  # the elements of a resource it looks at; what they hold decides, and nothing else

    def concerns(self, resource: dict[str, Any]) -> bool:
        """Whether the resource has the code the condition is about: its clauses that only ask for a code, joined by `and`."""
        return all(test(resource) for test in self._about)

    def holds(self, resource: dict[str, Any]) -> bool | Fault:
        """Judges one resource. Never raises for what a resource holds."""
        try:
            return self._test(resource)
        except Refused as refused:
            return refused.fault

    def number(self, resource: dict[str, Any]) -> Decimal | Fault | None:
        """The resource's value[x] as a number in the condition's unit, None when it is none; a Fault when it cannot be told."""
        try:
            return next(numbers(resource, ("value",), self.unit), None)
        except Refused as refused:
            return refused.fault


def compile_condition(text: str, unit: str = "") -> Condition | Fault:
    """Reads a condition; `unit` is the UCUM unit of its numbers. A Fault names the word that does not fit."""
    if unit and parse(unit) is None:
        return Fault(Kind.INCORRECT, "E743", f"{unit!r} is no UCUM unit", help="for example mmol/L, /min, Cel, mm[Hg]")
    tokens = _TOKEN.findall(text)
    if len(tokens) > MAX_TOKENS:
        return _wrong("the condition is too long", text)
    if "".join(tokens) != "".join(text.split()) and '"' not in text:
        return _wrong("a character does not belong here", text)
    reader = _Reader(tokens, unit)
    try:
        test = reader.alternatives()
        if reader.tokens:
            raise _unexpected(reader.tokens[-1])
    except Refused as refused:
        return refused.fault
    names = [each for name in reader.names for each in ((name, *CHOICES) if name == "value" else (name,))]
    return Condition(text, unit, test, reader.about, tuple(dict.fromkeys(names)))


def _wrong(text: str, at: str = "") -> Fault:
    return Fault(Kind.INCORRECT, "E742", text, at, "for example: code has http://loinc.org#2823-3 and value > 6.2")


def _unexpected(token: str) -> Refused:
    return Refused(_wrong(f"{token!r} is not expected here" if token else "the condition ends too early", token))


class _Reader:
    def __init__(self, tokens: list[str], unit: str) -> None:
        self.tokens, self.unit, self.depth = tokens[::-1], unit, 0
        self.about: tuple[Test, ...] = ()
        self.names: list[str] = []  # of the elements its paths begin with
        self.codes: set[int] = set()  # the tests that ask for a code and nothing else

    def peek(self) -> str:
        return self.tokens[-1] if self.tokens else ""

    def take(self, *wanted: str) -> str:
        token = self.tokens.pop() if self.tokens else ""
        if wanted and token not in wanted:
            raise _unexpected(token)
        return token

    def alternatives(self) -> Test:
        tests = [self.clauses()]
        while self.peek() == "or":
            self.take()
            tests.append(self.clauses())
        if len(tests) == 1:
            return tests[0]
        either = _either(tests)
        if all(id(test) in self.codes for test in tests):
            self.codes.add(id(either))
        if not self.depth:
            self.about = (either,) if id(either) in self.codes else ()
        return either

    def clauses(self) -> Test:
        tests = [self.clause()]
        while self.peek() == "and":
            self.take()
            tests.append(self.clause())
        if not self.depth:
            self.about = tuple(test for test in tests if id(test) in self.codes)
        if len(tests) == 1:
            return tests[0]
        return lambda resource: all(test(resource) for test in tests)

    def clause(self) -> Test:
        token = self.take()
        if token == "not":
            inner = self.clause()
            return lambda resource: not inner(resource)
        if token == "(":
            self.depth += 1
            if self.depth > 20:
                raise _unexpected(token)
            inner = self.alternatives()
            self.take(")")
            self.depth -= 1
            return inner
        if not re.fullmatch(r"[A-Za-z][A-Za-z0-9.\[\]]*", token) or token in WORDS:
            raise _unexpected(token)
        return self.comparison(tuple(token.replace("[x]", "").split(".")))

    def comparison(self, path: tuple[str, ...]) -> Test:
        self.names.append(path[0])
        operator = self.take("valued", "empty", "has", "in", *_OPERATORS)
        if operator == "valued":
            return lambda resource: any(True for _ in values(resource, path))
        if operator == "empty":
            return lambda resource: not any(True for _ in values(resource, path))
        if operator == "has":
            test = _has(path, self.word())
            if path[0] == "code":
                self.codes.add(id(test))
            return test
        if operator == "in":
            self.take("(")
            words = {self.word()}
            while self.peek() == ",":
                self.take()
                words.add(self.word())
            self.take(")")
            return lambda resource: any(str(value) in words for value in values(resource, path))
        return self.ordered(path, operator)

    def word(self) -> str:
        token = self.take()
        if not token or token in WORDS or token in _OPERATORS or token in "(),":
            raise _unexpected(token)
        return token.strip('"')

    def ordered(self, path: tuple[str, ...], operator: str) -> Test:
        compare, raw, unit = _OPERATORS[operator], self.word(), self.unit
        if not _NUMBER.fullmatch(raw):
            if operator not in ("=", "!="):
                raise Refused(_wrong(f"{operator} needs a number", raw))
            return lambda resource: any(compare(str(value), raw) for value in values(resource, path))
        number = Decimal(raw)
        return lambda resource: any(compare(found, number) for found in numbers(resource, path, unit))


def values(node: Any, path: tuple[str, ...]) -> Iterator[Any]:
    """Every value at a path, through lists; `value` reads the concrete value[x] that is there."""
    if isinstance(node, list):
        for item in node:
            yield from values(item, path)
    elif not path:
        if node is not None:
            yield node
    elif isinstance(node, dict):
        if path[0] in node:
            yield from values(node[path[0]], path[1:])
        elif path[0] == "value":
            for name in CHOICES:
                if name in node:
                    yield from values(node[name], path[1:])


def numbers(resource: dict[str, Any], path: tuple[str, ...], unit: str) -> Iterator[Decimal]:
    """The numbers at a path in `unit`. Raises Refused for a quantity that cannot be compared honestly."""
    parent = path[:-1] if path[-1] == "value" and len(path) > 1 else path
    for found in values(resource, parent):
        if isinstance(found, dict):
            if "value" in found:
                yield quantity(found, unit)
        elif isinstance(found, int | Decimal) and not isinstance(found, bool):
            yield Decimal(found)
        elif isinstance(found, str):
            try:
                yield Decimal(found)
            except InvalidOperation:
                continue


def quantity(found: dict[str, Any], unit: str) -> Decimal:
    """A Quantity's value in `unit`."""
    if found.get("comparator"):
        raise Refused(Fault(Kind.UNSUPPORTED, "E744", "the quantity has a comparator and cannot be compared", "value.comparator"))
    value = found["value"] if isinstance(found["value"], Decimal) else Decimal(str(found["value"]))
    if not unit:
        return value
    code = found.get("code") or found.get("unit") or ""
    converted = convert(value, code, unit)
    if converted is None:
        text = f"the quantity's unit cannot be converted to {unit}"
        raise Refused(Fault(Kind.INCORRECT, "E745", text, "value.code", "send UCUM units of the rule's dimension"))
    return converted


def _either(tests: list[Test]) -> Test:
    """True when one holds; all are asked, so that a value that cannot be judged is not hidden behind another clause."""

    def test(resource: dict[str, Any]) -> bool:
        found = False
        for each in tests:
            found = each(resource) or found
        return found

    return test


def _has(path: tuple[str, ...], word: str) -> Test:
    system, mark, code = word.rpartition("#")
    system = "" if system == "any" else system
    if not mark or not code:
        raise Refused(_wrong("`has` wants SYSTEM#CODE, or any#CODE for every system", word))

    def test(resource: dict[str, Any]) -> bool:
        for found in values(resource, path):
            codings = found.get("coding", [found]) if isinstance(found, dict) else [{"code": found}]
            if any(each.get("code") == code and system in ("", each.get("system")) for each in codings if isinstance(each, dict)):
                return True
        return False

    return test
