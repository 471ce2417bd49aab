"""A resource as FHIR XML, in the order the definitions give; what JSON keeps apart (`_name` siblings) stands together.

Source: https://hl7.org/fhir/R4/xml.html. The text is put together by hand: a page of search results costs a few milliseconds.
"""

from __future__ import annotations

import re
from html.entities import html5
from typing import Any

from engine.fault import Fault, Kind
from fhir import model

JSON = dict[str, Any]
NAMESPACE = "http://hl7.org/fhir"
ESCAPES = {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "\n": "&#10;", "\r": "&#13;", "\t": "&#9;"}
ESCAPED = re.compile(r"[&<>\"\n\r\t]")
ENTITY = re.compile(r"&([A-Za-z][A-Za-z0-9]{1,31};)")
OWN = frozenset(("amp;", "lt;", "gt;", "quot;", "apos;"))
NO_XML = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def write(resource: JSON) -> bytes | Fault:
    """The resource as UTF-8 XML; E529 when a character of it is none of XML's."""
    parts = ['<?xml version="1.0" encoding="UTF-8"?>']
    whole(parts, resource, f' xmlns="{NAMESPACE}"')
    text = "".join(parts)
    if NO_XML.search(text):
        return Fault(
            Kind.UNSUPPORTED, "E529", "a character of the resource cannot stand in XML", "", "ask for application/fhir+json"
        )
    return text.encode()


def whole(parts: list[str], resource: JSON, namespace: str = "") -> None:
    """One resource element."""
    name = resource["resourceType"]
    parts.append(f"<{name}{namespace}>")
    children(parts, resource, model.type_of(name), True)
    parts.append(f"</{name}>")


def children(parts: list[str], body: JSON, type: model.Type | None, is_resource: bool = False) -> None:
    """What stands inside an element; the ids of plain elements and the urls of extensions are attributes already written."""
    if type is None:
        return
    attributes = () if is_resource else ("id", "url") if type.name == "Extension" else ("id",)
    for name, element in type.elements.items():
        if name in attributes:
            continue
        value = body.get(name)
        if element.primitive:
            sibling = body.get(f"_{name}")
            if value is not None or sibling is not None:
                primitives(parts, element, value, sibling)
        elif value is not None:
            for one in value if isinstance(value, list) else (value,):
                complex_(parts, element, one)


def primitives(parts: list[str], element: model.Element, value: Any, sibling: Any) -> None:
    """A primitive, or each of a list with what its sibling says of it."""
    if not isinstance(value, list) and not isinstance(sibling, list):
        primitive(parts, element, value, sibling)
        return
    values, siblings = list(value or ()), list(sibling or ())
    for index in range(max(len(values), len(siblings))):
        one = values[index] if index < len(values) else None
        primitive(parts, element, one, siblings[index] if index < len(siblings) else None)


def primitive(parts: list[str], element: model.Element, value: Any, sibling: JSON | None) -> None:
    """One primitive: its value an attribute, its extensions inside; a narrative's text as it is."""
    if element.type == "xhtml":
        parts.append(ENTITY.sub(character, value or ""))
        return
    parts.append(f"<{element.name}")
    if sibling and "id" in sibling:
        parts.append(f' id="{escaped(sibling["id"])}"')
    if value is not None:
        parts.append(f' value="{escaped(text(value))}"')
    if sibling and sibling.get("extension"):
        parts.append(">")
        children(parts, sibling, model.type_of("Element"))
        parts.append(f"</{element.name}>")
    else:
        parts.append("/>")


def complex_(parts: list[str], element: model.Element, value: JSON) -> None:
    """An element with elements inside, or a resource in its wrapper."""
    name = element.name
    if element.type == "Resource":
        parts.append(f"<{name}>")
        whole(parts, value)
        parts.append(f"</{name}>")
        return
    head = f' id="{escaped(value["id"])}"' if "id" in value else ""
    if element.type == "Extension":
        head += f' url="{escaped(value["url"])}"'
    parts.append(f"<{name}{head}>")
    children(parts, value, model.type_of(element.definition))
    parts.append(f"</{name}>")


def text(value: Any) -> str:
    """A primitive's value as it is written in XML."""
    return "true" if value is True else "false" if value is False else str(value)


def escaped(value: str) -> str:
    """The text inside quotes; line ends as references, so that a parser keeps them."""
    return ESCAPED.sub(lambda found: ESCAPES[found.group()], value)


def character(found: re.Match[str]) -> str:
    """An entity of HTML as its character: XML without a DTD knows five only."""
    name = found.group(1)
    return found.group() if name in OWN else escaped(html5.get(name, found.group()))
