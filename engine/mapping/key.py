"""The grammar of keys, the left sides of rules, and of tests.

    key     := element [ "as" name ] [ "if" test ] [ "each" where [ "if" test ] ]
    test    := group { "or" group }                   "and" binds closer than "or"
    group   := part { "and" part }
    part    := "(" test ")" | path question
    question := "valued" | "empty" | "number" | "repeats" | sign word | [ "not" ] "in" "(" word { "," word } ")" | [ "not" ] "same" path

Every parser returns a value or a Diagnostic and raises nothing.
"""

from __future__ import annotations

from engine.diagnostic import Diagnostic, Span
from engine.mapping.formula import bracketed, name_of, one_word, since, whole
from engine.mapping.nodes import Both, Clause, Key, Literal, Source, Test
from engine.mapping.words import KEYWORDS, Token, Words

MAX_NESTING = 30
STATES = ("valued", "empty", "number", "repeats")


def test(text: str, at: Span) -> Test | Diagnostic:
    """Reads a test such as `OBX-2 in (ST, TX) and OBX-5 valued`."""
    return whole(text, at, "E318", _test)


def key(text: str, at: Span) -> Key | Diagnostic:
    """Reads the left side of a rule."""
    return whole(text, at, "E318", _key)


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
    return Clause(source, sign, given, since(first, words), other)


def _ask(words: Words) -> tuple[str, tuple[Literal, ...]]:
    """What is asked of a path: the sign and its words."""
    if words.is_word(*STATES):
        return words.next().text, ()
    if words.is_sign("=", "!=", "<", ">", "<=", ">="):
        return words.next().text, (one_word(words),)
    if words.is_word("not", "in", "same"):
        sign = words.next().text
        if sign == "not":
            if not words.is_word("in", "same"):
                raise words.fail("in or same")
            sign = f"not {words.next().text}"
        return sign, () if sign.endswith("same") else bracketed(words)
    wanted = "valued, empty, number, repeats, same, =, !=, <, >, in or not in"
    raise words.fail(wanted, "for example OBX-2 = NM, OBX-2 in (NM, SN), OBX-5 valued")


def _key(words: Words) -> Key:
    element = words.now
    if element.kind != "word" and not words.is_sign("="):
        raise words.fail("an element")
    words.next()
    name = each = Token("", "", element.at)
    if words.is_word("as"):
        words.next()
        name = name_of(words, "a name")
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
