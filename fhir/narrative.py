"""The XHTML of a narrative: well-formed, and of the elements and attributes that cannot act.

Source: https://hl7.org/fhir/R4/narrative.html#xhtml. Linear; nothing is expanded or fetched, so no XML parser is asked.
"""

from __future__ import annotations

import re

ELEMENTS = frozenset(
    "a abbr acronym b big blockquote br caption cite code col colgroup dd dfn div dl dt em h1 h2 h3 h4 h5 h6 hr i img li ol p "
    "pre q samp small span strong sub sup table tbody td tfoot th thead tr tt ul var kbd address bdo del ins center u s "
    "strike".split()
)
ATTRIBUTES = frozenset(
    "abbr accesskey align alt axis bgcolor border cellhalign cellpadding cellspacing cellvalign char charoff charset cite class "
    "colspan compact coords dir frame headers height href hreflang hspace id lang longdesc name nowrap rel rev rowspan rules "
    "scope shape span src start style summary tabindex title type valign value vspace width xml:lang xml:space xmlns".split()
)
ADDRESSES = frozenset(("href", "src", "cite", "longdesc"))
SAFE_ADDRESS = re.compile(
    r"(?:https?|mailto|tel|urn|ftp|cid):|data:image/(?:png|gif|jpeg);|[#/.]|[^:/?#\x00-\x20]*(?:[/?#]|\Z)", re.IGNORECASE
)
STYLE = re.compile(r"expression|javascript|url\((?!['\"]?data:image/(?:png|gif|jpeg)[;,])|@import|behavior|\\", re.IGNORECASE)
TOKEN = re.compile(
    r"<!--(?:(?!--).)*-->|<(/?)([A-Za-z][\w:.-]*)((?:\s+[\w:.-]+\s*=\s*(?:\"[^\"<]*\"|'[^'<]*'))*)\s*(/?)>|[^<]+", re.DOTALL
)
PAIR = re.compile(r"([\w:.-]+)\s*=\s*(?:\"([^\"]*)\"|'([^']*)')")
ENTITY = re.compile(r"&(?!(?:[A-Za-z][A-Za-z0-9]{1,31}|#[0-9]{1,7}|#x[0-9A-Fa-f]{1,6});)")
NAMESPACE = "http://www.w3.org/1999/xhtml"
MAX_DEPTH = 100


def safe(div: str) -> bool:
    """Whether a narrative's text is one balanced `div` that holds nothing but formatting."""
    stack: list[str] = []
    place, opened = 0, 0
    while place < len(div):
        token = TOKEN.match(div, place)
        if token is None:
            return False
        place = token.end()
        end, name, attributes, empty = token.groups()
        if name is None:
            text = token.group()
            if (not stack and text.strip() and not text.startswith("<!--")) or ENTITY.search(text):
                return False
        elif end:
            if not stack or stack.pop() != name or attributes or empty:
                return False
        else:
            if name not in ELEMENTS or not harmless(attributes) or (not stack and (opened or not root(name, attributes))):
                return False
            opened += 1
            if not empty:
                stack.append(name)
                if len(stack) > MAX_DEPTH:
                    return False
    return opened > 0 and not stack


def root(name: str, attributes: str) -> bool:
    """Whether this is the `div` of XHTML."""
    return name == "div" and NAMESPACE in attributes


def harmless(attributes: str) -> bool:
    """Whether no attribute can act or load anything but a picture or a page the reader asks for."""
    for name, double, single in PAIR.findall(attributes):
        value = (double or single).strip()
        if name not in ATTRIBUTES or ENTITY.search(value):
            return False
        if name in ADDRESSES and not SAFE_ADDRESS.match(plain(value)):
            return False
        if name == "style" and STYLE.search(plain(value)):
            return False
    return True


def plain(value: str) -> str:
    """The value without what a browser would skip or decode: references make it suspect, blanks inside too."""
    if "&#" in value or "&colon" in value or "&Tab" in value or "&NewLine" in value:
        return "javascript:"
    return re.sub(r"[\x00-\x20]", "", value)
