"""The grammar of formulas, the right sides of rules, and of `key:`, a list of them.

    formula := choice { "|" call }                    OBX-8 | table(interpretation)
    choice  := atom { "else" atom }                   OBX-14 else OBR-7
    atom    := path | "text" | number | call
    call    := name [ "(" word { "," word } ")" ]

Every parser returns a value or a Diagnostic and raises nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TypeVar

from engine.diagnostic import Diagnostic, Span
from engine.mapping.nodes import Atom, Call, Formula, Literal, Source
from engine.mapping.words import KEYWORDS, Syntax, Token, Words

_NUMBER = re.compile(r"-?\d+(\.\d+)?")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
T = TypeVar("T")


def formula(text: str, at: Span) -> Formula | Diagnostic:
    """Reads a formula, without its leading `=`."""
    return whole(text, at, "E300", _formula)


def keys(text: str, at: Span) -> tuple[Formula, ...] | Diagnostic:
    """Reads the formulas of `key:`, separated by commas."""
    return whole(text, at, "E300", _list)


def whole(text: str, at: Span, code: str, part: Callable[[Words], T]) -> T | Diagnostic:
    """All of a text by one rule of the grammar; a finding of this code where it does not fit."""
    try:
        words = Words(text, at, code)
        value = part(words)
        if words.now.kind != "end":
            raise words.fail("the end", _meant(words))
    except Syntax as syntax:
        return syntax.found
    return value


def _meant(words: Words) -> str:
    """What people mean by a word behind the end of a formula."""
    word = words.now.text
    if word in ("or", "||"):
        return "the first that is valued is taken with `else`: =OBX-14 else OBR-7"
    if word in ("if", "each"):
        return f"conditions and repetitions stand left of the colon: `element {word} …: =OBX-5`"
    if word in ("and", "+", "&"):
        return "fields are not put together; several repetitions become one text with `| join`"
    called = [one.text for one in words.tokens[max(0, words.place - 2) : words.place]]
    return f"what a function works with stands in brackets: {called[1]}({word})" if len(called) == 2 and called[0] == "|" else ""


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
        calls.append(_call(words, name_of(words, "a function")))
    return Formula(tuple(choice), tuple(calls), since(first, words))


def since(first: Token, words: Words) -> Span:
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


def name_of(words: Words, what: str) -> Token:
    """The next word, which must be a name; `what` says of what."""
    if words.now.kind != "word" or not _NAME.fullmatch(words.now.text) or words.now.text in KEYWORDS - {"as"}:
        raise words.fail(what)
    return words.next()


def _call(words: Words, name: Token) -> Call:
    if not words.is_sign("("):
        return Call(name.text, (), name.at)
    given = bracketed(words)
    return Call(name.text, given, since(name, words))


def bracketed(words: Words) -> tuple[Literal, ...]:
    """The words between a pair of brackets, separated by commas."""
    words.sign("(")
    given = [one_word(words)]
    while words.is_sign(","):
        words.next()
        given.append(one_word(words))
    words.sign(")")
    return tuple(given)


def one_word(words: Words) -> Literal:
    """The next word, quoted text or number."""
    token = words.now
    if token.kind not in ("word", "text"):
        doubled = words.is_sign("=") and words.place > 0 and words.tokens[words.place - 1].text == "="
        raise words.fail("a word", "write one =" if doubled else 'put signs and blanks in quotes: "…"')
    words.next()
    return Literal(token.text, token.at, token.kind == "word" and bool(_NUMBER.fullmatch(token.text)))
