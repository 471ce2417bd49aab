"""The words of a formula: what separates them, and where each stands."""

from __future__ import annotations

import re
from dataclasses import dataclass

from engine.diagnostic import Diagnostic, Span

_TOKEN = re.compile(
    r"""(?P<space>\s+)
      | (?P<text>"(?:[^"]|"")*")
      | (?P<sign>!=|<=|>=|[=<>|,()])
      | (?P<word>(?:[^\s|,()=!<>"\[\]]|\[[^\[\]]*\])+)""",
    re.VERBOSE,
)
_CURLY = re.compile("[\u201c\u201d\u201e\u2018\u2019]")
KEYWORDS = frozenset({"else", "and", "or", "in", "not", "valued", "empty", "number", "repeats", "same", "if", "each", "as"})


@dataclass(frozen=True, slots=True)
class Token:
    """One word, sign or quoted text; `kind` is word, sign, text or end."""

    kind: str
    text: str
    at: Span


class Syntax(Exception):
    """Carries a Diagnostic out of the parser; never leaves formula.py."""

    def __init__(self, found: Diagnostic) -> None:
        super().__init__(found.text)
        self.found = found


def split(text: str, at: Span, code: str) -> list[Token]:
    """Splits a formula into its tokens, an `end` token last. Raises Syntax on a character that begins nothing."""
    tokens: list[Token] = []
    place = 0
    while place < len(text):
        match = _TOKEN.match(text, place)
        if match is None:
            odd = text[place]
            help = 'close the quote: text stands between two "' if odd == '"' else 'put it in quotes: "…"'
            raise Syntax(Diagnostic(code, f"{odd} is not expected here", at.part(place, place + 1), help))
        kind = match.lastgroup or ""
        curly = _CURLY.search(match.group()) if kind == "word" else None
        if curly is not None:
            at_sign = at.part(place + curly.start(), place + curly.end())
            raise Syntax(
                Diagnostic(code, f"{curly.group()} is not expected here", at_sign, 'text stands between straight quotes: "…"')
            )
        if kind != "space":
            word = match.group()[1:-1].replace('""', '"') if kind == "text" else match.group()
            tokens.append(Token(kind, word, at.part(place, match.end())))
        place = match.end()
    tokens.append(Token("end", "", at.part(len(text), len(text) + 1)))
    return tokens


class Words:
    """A cursor over the tokens of one formula."""

    def __init__(self, text: str, at: Span, code: str) -> None:
        self.code = code
        self.tokens = split(text, at, code)
        self.place = 0

    @property
    def now(self) -> Token:
        """The token under the cursor."""
        return self.tokens[self.place]

    def is_sign(self, *signs: str) -> bool:
        """Whether one of these signs comes now."""
        return self.now.kind == "sign" and self.now.text in signs

    def is_word(self, *words: str) -> bool:
        """Whether one of these keywords comes now."""
        return self.now.kind == "word" and self.now.text in words

    def next(self) -> Token:
        """Takes the token and moves on; the end stays."""
        token = self.now
        self.place = min(self.place + 1, len(self.tokens) - 1)
        return token

    def fail(self, wanted: str, help: str = "") -> Syntax:
        """The error that says what was wanted here."""
        token = self.now
        got = "the line ends" if token.kind == "end" else f"{token.text or 'an empty text'} stands there"
        return Syntax(Diagnostic(self.code, f"{wanted} is wanted here, but {got}", token.at, help))

    def sign(self, sign: str) -> Token:
        """Takes one sign or fails."""
        if not self.is_sign(sign):
            raise self.fail(sign)
        return self.next()
