"""The one hardened XML parser: every XML body of the engine comes through here.

Order of work: byte limit, UTF-16/32 recognised by its mark, DOCTYPE refused (or a named harmless one stripped, never fetched),
bounds on depth, elements and attributes checked while the bytes stream in, and lxml without entities, DTD or network.
Sources: W3C XML 1.0 (fifth edition), OWASP XXE prevention; faults E190-E193.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass

from lxml import etree

from engine.fault import Fault, Kind

MARKS = ((b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"), (b"<\x00", "utf-16-le"), (b"\x00<", "utf-16-be"))
DECLARED = re.compile(r"\s*<\?xml[^>]{0,200}?\?>")
ENCODING = re.compile(rb"<\?xml[^>]{0,200}?encoding\s*=\s*[\"']([\w.:-]{1,40})[\"']")
CHARSETS = ("utf-8", "us-ascii", "ascii", "iso-8859-", "iso_8859-", "windows-125", "latin1", "cp125")
OTHERS = {
    "gb2312": "gb18030", "gbk": "gb18030", "gb18030": "gb18030", "big5": "big5", "shift_jis": "cp932", "euc-jp": "euc_jp", "euc-kr": "cp949",
    "koi8-r": "koi8_r", "koi8-u": "koi8_u", "windows-874": "cp874", "tis-620": "cp874", "utf8": "utf-8", "utf-16": "utf-8", "unicode": "utf-8",
} | {f"iso8859-{n}": f"iso8859-{n}" for n in (*range(1, 12), *range(13, 17))}  # fmt: skip
CHUNK = 1 << 16


@dataclass(frozen=True, slots=True)
class Limits:
    """What a document may hold: bytes, depth of nesting, elements, attributes of one element, characters of one tag."""

    size: int = 32 << 20
    depth: int = 200
    elements: int = 150_000
    attributes: int = 256
    tag: int = 1 << 20


DEFAULT = Limits()


def parse(body: bytes, *, limits: Limits = DEFAULT, harmless: Collection[str] = ()) -> etree._Element | Fault:
    """Reads an XML document; `harmless` names system identifiers of DOCTYPEs that are cut out unread. Never raises."""
    if len(body) > limits.size:
        return Fault(Kind.INCORRECT, "E191", f"the XML is longer than {limits.size} bytes", help="raise the limit, or send less")
    text = _utf8(body)
    if isinstance(text, Fault):
        return text
    text = _without_doctype(text, harmless)
    return text if isinstance(text, Fault) else _build(text, limits)


def _utf8(body: bytes) -> bytes | Fault:
    """UTF-16, UTF-8 with a mark and the charsets of `OTHERS` become plain UTF-8; anything else stays for the declaration to tell.

    What declares UTF-16 in single bytes was saved as UTF-8 by something that left the declaration as it was.
    """
    for mark, charset in MARKS:
        if body.startswith(mark):
            try:
                return DECLARED.sub("", body.decode(charset).removeprefix("\ufeff"), count=1).encode()
            except UnicodeError:
                return Fault(Kind.INCORRECT, "E190", "the XML is not valid UTF-16")
    text = body.removeprefix(b"\xef\xbb\xbf").lstrip(b" \t\r\n")
    declared = ENCODING.match(text)
    charset = declared.group(1).decode("latin-1").lower() if declared else "utf-8"
    if charset in OTHERS:
        try:
            return DECLARED.sub("", text.decode(OTHERS[charset]), count=1).encode()
        except UnicodeError:
            return Fault(Kind.INCORRECT, "E190", "the XML is not in the character set that it declares")
    if not text.startswith(b"<") or not charset.startswith(CHARSETS):
        return Fault(Kind.INCORRECT, "E190", "this is not XML, or in a character set that is not read")
    return text


def _without_doctype(text: bytes, harmless: Collection[str]) -> bytes | Fault:
    """Refuses a DOCTYPE wherever it stands, save a harmless one without an internal subset, which is cut out."""
    at = text.find(b"<!DOCTYPE")
    if at < 0:
        return text if b"<!ENTITY" not in text else _refused(text, text.find(b"<!ENTITY"))
    end = text.find(b">", at, at + 512)
    declaration = text[at : end + 1]
    named = re.search(rb"SYSTEM\s+[\"']([^\"']{1,120})[\"']\s*>$", declaration)
    if end < 0 or b"[" in declaration or named is None or named.group(1).decode("latin-1") not in harmless:
        return _refused(text, at)
    rest = text[:at] + b" " * (end + 1 - at) + text[end + 1 :]
    return _refused(text, at) if b"<!DOCTYPE" in rest or b"<!ENTITY" in rest else rest


def _refused(text: bytes, at: int) -> Fault:
    line = text.count(b"\n", 0, at) + 1
    return Fault(Kind.INCORRECT, "E192", "a document type declaration is not allowed", f"line {line}", "leave the DOCTYPE out")


def _build(text: bytes, limits: Limits) -> etree._Element | Fault:
    """Feeds the parser piece by piece, so that a document over the bounds is dropped when it crosses them."""
    parser = etree.XMLPullParser(
        events=("start", "end"), resolve_entities=False, load_dtd=False, no_network=True, dtd_validation=False,
        attribute_defaults=False, huge_tree=True, remove_comments=True, remove_pis=True,
    )  # fmt: skip
    watch = _Watch(limits)
    if text.count(b"<") - text.count(b"</") > limits.elements:
        return _bound(f"there are more than {limits.elements} elements")
    tag_from = -1
    try:
        for at in range(0, len(text), CHUNK):
            piece = text[at : at + CHUNK]
            opened, closed = piece.rfind(b"<"), piece.rfind(b">")
            tag_from = at + opened if opened > closed else -1 if closed >= 0 else tag_from
            if 0 <= tag_from < at + len(piece) - limits.tag:
                return _bound(f"a tag is longer than {limits.tag} bytes")
            parser.feed(piece)
            wrong = watch.over(parser)
            if wrong:
                return _bound(wrong)
        root: etree._Element = parser.close()
    except (etree.XMLSyntaxError, ValueError, LookupError) as error:
        if "depth" in str(error):
            return _bound(f"elements are nested deeper than {limits.depth}")
        line = getattr(error, "lineno", None)
        return Fault(Kind.INCORRECT, "E190", "the XML is not well formed", f"line {line}" if line else "")
    if root.getroottree().docinfo.internalDTD is not None:
        return _refused(text, 0)
    wrong = watch.over(parser)
    return _bound(wrong) if wrong else root


@dataclass(slots=True)
class _Watch:
    """Counts depth and elements while the parser works."""

    limits: Limits
    depth: int = 0
    count: int = 0

    def over(self, parser: etree.XMLPullParser) -> str:
        """What bound the elements read so far cross; empty when none."""
        for event, element in parser.read_events():
            if event == "end":
                self.depth -= 1
                continue
            self.depth += 1
            self.count += 1
            if self.depth > self.limits.depth:
                return f"elements are nested deeper than {self.limits.depth}"
            if self.count > self.limits.elements:
                return f"there are more than {self.limits.elements} elements"
            if isinstance(element, etree._Element) and len(element.attrib) > self.limits.attributes:
                return f"an element has more than {self.limits.attributes} attributes"
        return ""


def _bound(what: str) -> Fault:
    return Fault(Kind.INCORRECT, "E193", what, help="such a document is not read; raise the limits if it is meant")
