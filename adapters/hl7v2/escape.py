r"""Escape sequences of HL7 v2 (v2.9.1 section 2.7): `\F\ \S\ \T\ \R\ \E\ \P\`, `\Xhh..\`, `\.br\` and its kin, `\Cxxyy\
\Mxxyyzz\`.

Decoding is one pass from left to right, linear, never nested; what is unknown or unterminated stays as it stands. Encoding
leaves no delimiter, no control character and no accidental `""` in a value, so nothing can be injected.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

ABSENT = "\udfff"  # stands for a delimiter that a message does not declare: no decoded text can hold it
_LAYOUT = re.compile(r"\.(br|sp|sk|ce|in|ti|fi|nf)([+-]?\d{0,3})", re.IGNORECASE)
_HEX = re.compile(r"(?:[0-9A-Fa-f]{2})+")
_SHIFTS = {"M2442": b"\x1b$B", "M242844": b"\x1b$(D", "M2440": b"\x1b$@", "C284A": b"\x1b(J"}
_TO_ASCII = "C2842"
_PLAIN = re.compile(r"[A-Za-z0-9 .:,;/_+*()=<>%-]*")  # what needs no look at each letter


class Delimiters(NamedTuple):
    """The separators a message declares in MSH-1 and MSH-2; ABSENT where it declares none."""

    field: str = "|"
    component: str = "^"
    repetition: str = "~"
    escape: str = "\\"
    subcomponent: str = "&"
    truncation: str = ABSENT


STANDARD = Delimiters()


def unescape(text: str, marks: Delimiters = STANDARD, codec: str = "utf-8") -> str:
    """The value that stands escaped in `text`; `codec` gives bytes written as `\\Xhh\\` their meaning."""
    esc = marks.escape
    at = text.find(esc)
    if at < 0:
        return text
    out: list[str] = []
    done = 0
    while at >= 0:
        end = text.find(esc, at + 1)
        if end < 0:
            break
        body = text[at + 1 : end]
        value = _simple(body, marks)
        if value is None and body[:1] in ("X", "x", "."):
            value = _computed(body, codec)
        elif value is None and body[:1] in ("C", "M"):
            value, end = _shifted(text, body, end, esc)
        if value is None:
            at = text.find(esc, end + 1) if body[:1] in ("Z", "X", "C", "M", ".") else end
            continue
        out += (text[done:at], value)
        done = end + 1
        at = text.find(esc, done)
    out.append(text[done:])
    return "".join(out)


def _simple(body: str, marks: Delimiters) -> str | None:
    match body:
        case "F":
            return marks.field
        case "S":
            return marks.component
        case "T":
            return marks.subcomponent
        case "R":
            return marks.repetition
        case "E":
            return marks.escape
        case "P":
            return "#" if marks.truncation == ABSENT else marks.truncation
        case "H" | "N":
            return ""  # highlighting
    return None


def _computed(body: str, codec: str) -> str | None:
    if body[0] == ".":
        found = _LAYOUT.fullmatch(body)
        if found is None:
            return None
        command, count = found[1].lower(), abs(int(found[2] or "1")) if found[2] not in ("+", "-") else 1
        return {"br": "\n", "ce": "\n", "sp": "\n" * min(count, 99), "sk": " " * min(count, 99)}.get(command, "")
    if _HEX.fullmatch(body, 1) is None:
        return None
    try:
        return bytes.fromhex(body[1:]).decode("utf-8" if codec == "ascii" else codec)
    except UnicodeDecodeError:
        return None


def _shifted(text: str, body: str, end: int, esc: str) -> tuple[str | None, int]:
    """Text written in another character set up to the next shift (section 2.7.2); the value and where it ends."""
    if body == _TO_ASCII:
        return "", end
    lead = _SHIFTS.get(body)
    if lead is None:
        return None, end
    stop = text.find(esc, end + 1)
    stop = len(text) if stop < 0 else stop
    try:
        return (lead + text[end + 1 : stop].encode("ascii") + b"\x1b(B").decode("iso2022_jp_ext"), stop - 1
    except UnicodeError:
        return None, end


@lru_cache(maxsize=64)
def _escapes(marks: Delimiters) -> dict[int, str]:
    esc = marks.escape
    table = {code: f"{esc}X{code:02X}{esc}" for code in (*range(0x20), 0x7F)}
    table[0x0A] = f"{esc}.br{esc}"
    names = zip(marks, "FSRETP", strict=True)
    return table | {ord(mark): f"{esc}{name}{esc}" for mark, name in names if mark != ABSENT}


def escape(value: str, marks: Delimiters = STANDARD) -> str:
    """A value as it may stand in a message with these delimiters."""
    if marks is STANDARD and _PLAIN.fullmatch(value):
        return value
    if value == '""':
        return f"{marks.escape}X2222{marks.escape}"
    return value.translate(_escapes(marks))
