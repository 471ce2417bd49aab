"""Texts: ST, TX, FT and string, markdown, code, uri.

HL7 v2.9.1 section 2.7: `\\.br\\` is a line break, `\\.sp n\\` so many, `\\H\\` and `\\N\\` start and end highlighting, other
dot commands lay out a page; FHIR keeps the words and the line breaks. C0 controls FHIR does not allow are dropped.
"""

from __future__ import annotations

import base64
import re

from fhir.convert.rep import Components, Rep, first, whole

COMMAND = re.compile(r"\\(\.br|\.sp ?\+?(\d{0,2})|\.ce|\.(?:in|ti|sk) ?[+-]?\d{0,3}|\.fi|\.nf|H|N)\\")
CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f]")


def _command(match: re.Match[str]) -> str:
    name = match[1]
    if name in (".br", ".ce"):
        return "\n"
    return "\n" * int(match[2] or 1) if name.startswith(".sp") else " " if name.startswith((".in", ".ti", ".sk")) else ""


def plain(text: str) -> str:
    """The words of a formatted text, line breaks kept."""
    if "\\" in text:
        text = COMMAND.sub(_command, text)
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    return CONTROL.sub("", text) if CONTROL.search(text) else text


def text(value: Rep | str) -> str | None:
    """A text as people read it; one of blanks only is none."""
    if not isinstance(value, str):
        value = _all(value)
    value = plain(value)
    return value if value.strip() else None


def _all(rep: Rep) -> str:
    """A text field's components joined again: a caret in a text is a caret."""
    count = len(rep)
    return rep[1] if count < 2 else "^".join(rep[comp] for comp in range(1, count + 1))


def from_text(value: str) -> Components:
    """A text as FT; its line breaks become `\\.br\\` when it is rendered."""
    return [[value]] if value else []


def word(value: Rep | str) -> str | None:
    """A text without blanks around it, for codes and URIs."""
    return first(value) or None


def vr(value: Rep | str) -> str | None:
    """VR (two bounds) as text."""
    rep = whole(value)
    return "-".join(part for comp in (1, 2) if (part := rep[comp].strip())) or None


def from_vr(value: str) -> Components:
    """A text as VR: two bounds around the first dash."""
    low, _, high = value.partition("-")
    return [[low], [high]] if high else from_text(value)


def packed(value: Rep | str) -> str | None:
    """A text as the base64 of its UTF-8, for the data of an attachment."""
    words = text(value)
    return base64.b64encode(words.encode()).decode() if words else None


def unpacked(value: str) -> Components:
    """The text in the data of an attachment; what is no UTF-8 is shown with its marks of replacement."""
    return from_text(base64.b64decode(value).decode("utf-8", "replace"))
