"""The grammar of the mapping language: formulas, tests and keys.

    formula := choice { "|" call }                    OBX-8 | table(interpretation)
    choice  := atom { "else" atom }                   OBX-14 else OBR-7
    atom    := path | "text" | number | call
    call    := name [ "(" word { "," word } ")" ]
    test    := group { "or" group }                   "and" binds closer than "or"
    group   := part { "and" part }
    part    := "(" test ")" | path question
    question := "valued" | "empty" | "number" | "repeats" | sign word | [ "not" ] "in" "(" word { "," word } ")" | [ "not" ] "same" path
    key     := element [ "as" name ] [ "if" test ] [ "each" where [ "if" test ] ]

Every parser returns a value or a Diagnostic and raises nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from engine.diagnostic import NOWHERE, Diagnostic, Span
from engine.mapping.words import KEYWORDS, Syntax, Token, Words

_NUMBER = re.compile(r"-?\d+(\.\d+)?")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
MAX_NESTING = 30
STATES = ("valued", "empty", "number", "repeats")


@dataclass(frozen=True, slots=True)
class Source:
    """A path in the source's own notation."""

    text: str
    at: Span


@dataclass(frozen=True, slots=True)
class Literal:
    """Quoted text or a number."""

    text: str
    at: Span
    number: bool = False


@dataclass(frozen=True, slots=True)
class Call:
    """A function and the words it is given."""

    name: str
    words: tuple[Literal, ...]
    at: Span


Atom = Source | Literal | Call


@dataclass(frozen=True, slots=True)
class Formula:
    """The first valued of `choice`, through `calls`."""

    choice: tuple[Atom, ...]
    calls: tuple[Call, ...]
    at: Span


@dataclass(frozen=True, slots=True)
class Clause:
    """A path and what is asked of it: valued, empty, number, repeats, =, !=, <, >, <=, >=, in, not in, same, not same."""

    source: Source
    sign: str
    words: tuple[Literal, ...]
    at: Span
    other: Source | None = None  # of same


@dataclass(frozen=True, slots=True)
class Both:
    """All parts hold (`and`) or one of them does (`or`)."""

    sign: str
    parts: tuple[Test, ...]


Test = Clause | Both


@dataclass(frozen=True, slots=True)
class Key:
    """The left side of a rule."""

    element: str
    at: Span
    name: str = ""
    name_at: Span = NOWHERE
    each: str = ""
    each_at: Span = NOWHERE
    test: Test | None = None  # asked inside each instance
    before: Test | None = None  # asked outside, before there are instances


T = TypeVar("T")


def formula(text: str, at: Span) -> Formula | Diagnostic:
    """Reads a formula, without its leading `=`."""
    return _whole(text, at, "E300", _formula)


def keys(text: str, at: Span) -> tuple[Formula, ...] | Diagnostic:
    """Reads the formulas of `key:`, separated by commas."""
    return _whole(text, at, "E300", _list)


def test(text: str, at: Span) -> Test | Diagnostic:
    """Reads a test such as `OBX-2 in (ST, TX) and OBX-5 valued`."""
    return _whole(text, at, "E318", _test)


def key(text: str, at: Span) -> Key | Diagnostic:
    """Reads the left side of a rule."""
    return _whole(text, at, "E318", _key)


def _whole(text: str, at: Span, code: str, part: Callable[[Words], T]) -> T | Diagnostic:
    try:
        words = Words(text, at, code)
        value = part(words)
        if words.now.kind != "end":
            raise words.fail("the end")
    except Syntax as syntax:
        return syntax.found
    return value


def _list(words: Words) -> tuple[Formula, ...]:
    parts = [_formula(words)]
    while words.is_sign(","):
        words.next()
        parts.append(_formula(words))
    return tuple(parts)


def _formula(words: Words) -> Formula:
    first = words.now
    choice = [_atom(words)]
    while words.is_word("else"):
        words.next()
        choice.append(_atom(words))
    calls: list[Call] = []
    while words.is_sign("|"):
        words.next()
        calls.append(_call(words, _name(words, "a function")))
    return Formula(tuple(choice), tuple(calls), _from(first, words))


def _from(first: Token, words: Words) -> Span:
    """The span from a token to the one before the cursor."""
    last = words.tokens[max(0, words.place - 1)] if words.now.kind != "end" else words.tokens[-2]
    return first.at.part(0, last.at.column + last.at.length - first.at.column)


def _atom(words: Words) -> Atom:
    token = words.now
    if token.kind == "text":
        words.next()
        return Literal(token.text, token.at)
    if token.kind != "word" or token.text in KEYWORDS:
        raise words.fail("a field", 'a field as OBX-3.1, or text in quotes: "…"')
    words.next()
    if _NUMBER.fullmatch(token.text):
        return Literal(token.text, token.at, number=True)
    if words.is_sign("(") and _NAME.fullmatch(token.text):
        return _call(words, token)
    return Source(token.text, token.at)


def _name(words: Words, what: str) -> Token:
    if words.now.kind != "word" or not _NAME.fullmatch(words.now.text) or words.now.text in KEYWORDS - {"as"}:
        raise words.fail(what)
    return words.next()


def _call(words: Words, name: Token) -> Call:
    if not words.is_sign("("):
        return Call(name.text, (), name.at)
    given = _words(words)
    return Call(name.text, given, _from(name, words))


def _words(words: Words) -> tuple[Literal, ...]:
    """The words between a pair of brackets, separated by commas."""
    words.sign("(")
    given = [_word(words)]
    while words.is_sign(","):
        words.next()
        given.append(_word(words))
    words.sign(")")
    return tuple(given)


def _word(words: Words) -> Literal:
    token = words.now
    if token.kind not in ("word", "text"):
        raise words.fail("a word", 'put signs and blanks in quotes: "…"')
    words.next()
    return Literal(token.text, token.at, token.kind == "word" and bool(_NUMBER.fullmatch(token.text)))


def _test(words: Words, depth: int = 0) -> Test:
    parts = [_and(words, depth)]
    while words.is_word("or"):
        words.next()
        parts.append(_and(words, depth))
    return parts[0] if len(parts) == 1 else Both("or", tuple(parts))


def _and(words: Words, depth: int) -> Test:
    parts = [_part(words, depth)]
    while words.is_word("and"):
        words.next()
        parts.append(_part(words, depth))
    return parts[0] if len(parts) == 1 else Both("and", tuple(parts))


def _part(words: Words, depth: int) -> Test:
    if words.is_sign("("):
        if depth >= MAX_NESTING:
            raise words.fail("a field", "the brackets are nested too deeply")
        words.next()
        inner = _test(words, depth + 1)
        words.sign(")")
        return inner
    first = words.now
    if first.kind != "word" or first.text in KEYWORDS:
        raise words.fail("a field", "a test begins with a field: OBX-2 = NM")
    words.next()
    source = Source(first.text, first.at)
    sign, given = _ask(words)
    other = None
    if sign.endswith("same"):
        if words.now.kind != "word" or words.now.text in KEYWORDS:
            raise words.fail("a field", "same compares two fields: MRG-1 same PID-3")
        other = Source(words.now.text, words.next().at)
    return Clause(source, sign, given, _from(first, words), other)


def _ask(words: Words) -> tuple[str, tuple[Literal, ...]]:
    """What is asked of a path: the sign and its words."""
    if words.is_word(*STATES):
        return words.next().text, ()
    if words.is_sign("=", "!=", "<", ">", "<=", ">="):
        return words.next().text, (_word(words),)
    if words.is_word("not", "in", "same"):
        sign = words.next().text
        if sign == "not":
            if not words.is_word("in", "same"):
                raise words.fail("in or same")
            sign = f"not {words.next().text}"
        return sign, () if sign.endswith("same") else _words(words)
    raise words.fail("valued, empty, number, repeats, same, =, !=, <, >, in or not in")


def _key(words: Words) -> Key:
    element = words.now
    if element.kind != "word" and not words.is_sign("="):
        raise words.fail("an element")
    words.next()
    name = each = Token("", "", element.at)
    if words.is_word("as"):
        words.next()
        name = _name(words, "a name")
    before = _if(words)
    if words.is_word("each"):
        words.next()
        if words.now.kind != "word" or words.now.text in KEYWORDS:
            raise words.fail("a group, a segment or a field")
        each = words.next()
    if not each.text:
        return Key(element.text, element.at, name.text, name.at, test=before)
    return Key(element.text, element.at, name.text, name.at, each.text, each.at, _if(words), before)


def _if(words: Words) -> Test | None:
    if not words.is_word("if"):
        return None
    words.next()
    return _test(words)
