"""String and uri parameters: the beginning of a word, the whole text, letters within it; an address letter by letter."""

from __future__ import annotations

import re

from engine.fault import Fault
from fhir.search.hashing import number
from fhir.search.parameters import Parameter, Path
from fhir.search.texts import bad, plainly
from fhir.search.values import plain
from fhir.search.where import WORDS, Where, every, exact, some, tokens


def string(type: str, parameter: Parameter, modifier: str, value: str, base: str) -> Where | Fault:
    """The beginning of a word, without case and accents; `:exact` and `:contains` as they say."""
    text = plainly(value)
    words = plain(text)
    if not words and modifier != "exact":
        return bad(parameter.name, "a text without letters or digits")
    if modifier == "exact":
        return some([every([prefix(path, words[:200]), exact([number(f"{path.id}={text}")])]) for path in parameter.paths])
    if modifier == "contains":
        return some([inside(path, words) for path in parameter.paths])
    return some([prefix(path, words[:200]) for path in parameter.paths])


def inside(path: Path, words: str) -> Where:
    """A word of this path that holds these letters."""
    head = f"{path.id}:"
    return Where(
        "r.strings::text ~ %s",
        (f"'{re.escape(path.id)}:[^']*{re.escape(words)}",),
        lambda row: any(one.startswith(head) and words in one[len(head) :] for one in row.entries.strings),
    )


def prefix(path: Path, words: str) -> Where:
    """A word of this path that begins so."""
    head = f"{path.id}:{words}"
    lexeme = head.replace("\\", "\\\\").replace("'", "''")
    sql = "r.strings @@ %s::tsquery"
    holds = lambda row: any(one.startswith(head) for one in row.entries.strings)  # noqa: E731
    return Where(sql, (f"'{lexeme}':*",), holds, WORDS)


def uri(type: str, parameter: Parameter, modifier: str, value: str, base: str) -> Where | Fault:
    """An address, letter by letter."""
    return tokens([number(f"{path.id}|{plainly(value)}") for path in parameter.paths])
