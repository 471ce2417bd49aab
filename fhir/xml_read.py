"""FHIR XML to the same dicts that JSON gives: values by the types of the definitions, digits kept.

Source: https://hl7.org/fhir/R4/xml.html. What the definitions do not have, or have in another order, is
refused here with its place; rules about content (required elements, codes) are left to validation, as for JSON.
"""

from __future__ import annotations

from functools import cache
from typing import Any
from xml.sax.saxutils import escape, quoteattr

from engine import safe_xml
from engine.fault import Fault, Kind
from fhir import model
from fhir.primitives import literal
from fhir.xml_write import NAMESPACE

JSON = dict[str, Any]
XHTML = "http://www.w3.org/1999/xhtml"
INSTANCE = "{http://www.w3.org/2001/XMLSchema-instance}"
LIMITS = safe_xml.Limits(size=64 << 20, elements=1_000_000)


class _Odd(Exception):
    """Carries a Fault out of the recursion."""

    def __init__(self, fault: Fault) -> None:
        self.fault = fault


def read(body: bytes) -> JSON | Fault:
    """One resource."""
    root = safe_xml.parse(body, limits=LIMITS)
    if isinstance(root, Fault):
        return root
    try:
        return whole(root, "")
    except _Odd as odd:
        return odd.fault


def whole(node: Any, at: str) -> JSON:
    """One resource element."""
    name = local(node, at)
    type = model.type_of(name)
    if type is None or type.kind != "resource":
        raise _Odd(Fault(Kind.INCORRECT, "E523", "no resource type of R4", at, "see the list of resource types"))
    return {"resourceType": name, **content(node, type, at or name)}


def local(node: Any, at: str) -> str:
    """The name of an element of FHIR's namespace."""
    namespace, _, name = str(node.tag).rpartition("}")
    if namespace != "{" + NAMESPACE:
        raise _Odd(Fault(Kind.INCORRECT, "E510", "an element outside FHIR's namespace", at, f'write xmlns="{NAMESPACE}"'))
    return name


def content(node: Any, type: model.Type, at: str) -> JSON:
    """The attributes and elements of one element."""
    found: JSON = attributes(node, type, at)
    blank(node, at)
    order, last = places(type.name), -1
    for child in node:
        if type.name == "Narrative" and child.tag == f"{{{XHTML}}}div":
            if "div" in found:
                raise _Odd(Fault(Kind.INCORRECT, "E519", "the element stands once only", f"{at}.div", "see its cardinality"))
            found["div"], last = xhtml(child, True), order["div"]
            continue
        name = local(child, at)
        element = type.elements.get(name)
        if element is None or (type.kind != "resource" and name == "id") or (type.name == "Extension" and name == "url"):
            raise _Odd(unknown(f"{at}.{name}" if name.isidentifier() else at))
        place = f"{at}.{name}"
        if order[name] < last:
            raise _Odd(
                Fault(Kind.INCORRECT, "E517", "an element out of its order", place, "in XML, as the type's page lists them")
            )
        last = order[name]
        if element.primitive:
            primitive(found, child, element, place)
        else:
            keep(found, element, inner(child, element, place), place)
    return packed(found, type)


@cache
def places(name: str) -> dict[str, int]:
    """The place of each element among its siblings, as the schemas of XML have them; members of a choice share theirs."""
    type = model.type_of(name)
    known: dict[str, int] = {}
    if type is not None:
        groups: dict[str, int] = {}
        for index, one in enumerate(type.elements.values()):
            known[one.name] = groups.setdefault(one.choice or one.name, index)
    return known


def attributes(node: Any, type: model.Type, at: str) -> JSON:
    """The ids of plain elements and the urls of extensions."""
    found: JSON = {}
    for name, value in node.attrib.items():
        if (name == "id" and type.kind != "resource") or (name == "url" and type.name == "Extension"):
            found[name] = value
        elif not name.startswith(INSTANCE):
            raise _Odd(unknown(f"{at}.{name}" if name.isidentifier() else at))
    return found


def inner(child: Any, element: model.Element, at: str) -> JSON:
    """The value of an element that is no primitive."""
    if element.type == "Resource":
        if len(child) != 1:
            raise _Odd(Fault(Kind.INCORRECT, "E519", "not exactly one resource", at, "wrap each resource on its own"))
        return whole(child[0], at)
    held = model.type_of(element.definition)
    if held is None:
        raise _Odd(unknown(at))
    return content(child, held, at)


def primitive(found: JSON, child: Any, element: model.Element, at: str) -> None:
    """Keeps a primitive's value and, beside it, its id and extensions."""
    held = model.type_of("Element")
    assert held is not None
    value: Any = None
    text = child.attrib.pop("value", None)
    if text is not None:
        value = literal(element.type, text)
        if isinstance(value, Fault):
            raise _Odd(Fault(value.kind, value.code, value.text, at, value.help))
    sibling = content(child, held, at) or None
    if value is None and sibling is None:
        raise _Odd(Fault(Kind.INCORRECT, "E520", "an element without content", at, "leave it out"))
    keep(found, element, value, at)
    keep(found, element, sibling, at, f"_{element.name}")


def keep(found: JSON, element: model.Element, value: Any, at: str, name: str = "") -> None:
    """Adds a value under its name; a second one of an element that stands once is refused."""
    name = name or element.name
    if element.max != 1:
        found.setdefault(name, []).append(value)
    elif name in found:
        raise _Odd(Fault(Kind.INCORRECT, "E519", "the element stands once only", at, "see the element's cardinality"))
    else:
        found[name] = value


def packed(found: JSON, type: model.Type) -> JSON:
    """Without the places that only held their neighbours' order."""
    return {
        name: value
        for name, value in found.items()
        if value is not None and not (isinstance(value, list) and all(one is None for one in value))
    }


def blank(node: Any, at: str) -> None:
    """Text between elements means nothing in FHIR, so none may stand there."""
    if (node.text and node.text.strip()) or any(child.tail and child.tail.strip() for child in node):
        raise _Odd(Fault(Kind.INCORRECT, "E512", "text between elements", at, "values are attributes: value=…"))


def unknown(at: str) -> Fault:
    """The fault of what R4 does not have."""
    return Fault(
        Kind.INCORRECT, "E510", "an element that R4 does not have here", at, "see the resource's page, or use an extension"
    )


def xhtml(node: Any, top: bool = False) -> str:
    """A narrative as the text JSON holds, whatever prefix it came with."""
    name = str(node.tag).removeprefix(f"{{{XHTML}}}")
    head = f' xmlns="{XHTML}"' if top else ""
    head += "".join(
        f" {key.replace('{http://www.w3.org/XML/1998/namespace}', 'xml:')}={quoteattr(value)}"
        for key, value in node.attrib.items()
    )
    inside = escape(node.text or "") + "".join(xhtml(child) + escape(child.tail or "") for child in node)
    return f"<{name}{head}>{inside}</{name}>" if inside else f"<{name}{head}/>"
