"""XML documents as a format: elements by their names joined by dots, `PATIENT.NAME`, attributes with `@`, `TREND.@UNITS`.

Names are told from the root's children on and without their namespaces. An element that stands several times is a repetition,
`TREND[2]`; `each TREND` gives them one by one, and `#text` inside is the element's own. An element's value is its text. The document
comes through the one hardened parser.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, ClassVar

from lxml import etree

from adapters.json_format import JsonPath, Node, parts, walk
from engine.fault import Fault, Kind
from engine.safe_xml import parse
from engine.types import Envelope

TEXT = "#text"
_NAME = re.compile(rf"{TEXT}|@?[^\W\d][\w.\-\u00b7]*")  # XML 1.0, production 5, without colons: namespaces are left out


@dataclass(frozen=True, slots=True)
class XmlPath(JsonPath):
    """A compiled path. Values are text."""

    def found(self, scope: Any) -> list[tuple[str, str]]:
        """The places and texts, from the nearest enclosing scope that has the first name."""
        node = scope
        while node is not None:
            if isinstance(node.value, dict) and self.names[0][0] in node.value:
                reached = ((place, _text(value)) for place, value in walk(node.value, self.names, node.place))
                return [(place, text) for place, text in reached if text]
            node = node.parent if self.names[0][0] != TEXT else None  # an element's own text is nobody else's
        return []

    def null(self, scope: Any) -> bool:
        """XML has no way to say delete."""
        return False


@dataclass(frozen=True, slots=True)
class Xml:
    """XML documents, read by their paths. The message's type is the name of the document's root."""

    media: ClassVar[str] = "application/xml"

    name: str = "xml"

    def envelope(self, body: bytes) -> Envelope | Fault:
        """The root's name."""
        root = parse(body)
        return root if isinstance(root, Fault) else Envelope(type=_local(root.tag))

    def parse(self, body: bytes) -> Node | Fault:
        """Reads a document."""
        root = parse(body)
        if isinstance(root, Fault):
            return root
        value = _value(root)
        return Node(value if isinstance(value, dict) else {TEXT: value})

    def path(self, text: str, structure: str, group: str) -> XmlPath | Fault:
        """Compiles a path; any name may stand in a document, so only its notation can be wrong. `a/b` is another one's."""
        names = parts(text)
        if names is None or any(not _NAME.fullmatch(name) for name, _ in names):
            return Fault(
                Kind.INCORRECT, "E196", f"{text} is no path of names", help="names joined by dots: PATIENT.NAME, TREND.@UNITS"
            )
        return XmlPath(text, names)


def _value(root: etree._Element) -> Any:
    """An element as names with values, children always in lists; as its text alone where it holds nothing else."""
    made: dict[etree._Element, Any] = {}
    for element in root.iter(tag=etree.Element):
        value: dict[str, Any] = {f"@{_local(name)}": text.strip() for name, text in element.attrib.items()}
        text = "".join((element.text or "", *(child.tail or "" for child in element)))
        if text.strip():
            value[TEXT] = text.strip()
        made[element] = value
        parent = element.getparent()
        if element is not root and parent is not None:
            made[parent].setdefault(_local(element.tag), []).append(value)
    return made[root]


def _text(value: Any) -> str:
    return str(value.get(TEXT, "")) if isinstance(value, dict) else str(value)


def _local(name: Any) -> str:
    return str(name).rpartition("}")[2]
