"""Names of persons: XPN and XCN, HumanName and Practitioner.

Guide maps XPN[HumanName], FN[HumanName], XCN[Practitioner], NDL[PractitionerRole]; table 0200 by the guide's NameType map.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from engine.fault import Fault
from fhir.convert.identifiers import CHECK_DIGIT, CHECK_SCHEME, authority, build, hd_of, type_code
from fhir.convert.rep import Components, Rep, compose, lift, whole
from fhir.convert.times import back, old_validity

JSON = dict[str, Any]

NAME_USE = {
    "L": "official", "R": "official", "D": "usual", "M": "maiden", "N": "nickname", "MSK": "anonymous", "BAD": "old",
    "NAV": "temp", "TEMP": "temp",
}  # fmt: skip
NAME_TYPE = {
    "official": "L", "usual": "D", "maiden": "M", "nickname": "N", "anonymous": "MSK", "old": "BAD", "temp": "TEMP",
}  # fmt: skip


class Places(NamedTuple):
    """The component numbers of a name's parts in a data type; 0 where it has none."""

    family: int
    given: int
    more: int
    suffix: int
    prefix: int
    degree: int
    type: int
    range: int
    start: int
    end: int
    professional: int


XPN = Places(1, 2, 3, 4, 5, 6, 7, 10, 12, 13, 14)
XCN = Places(2, 3, 4, 5, 6, 7, 10, 17, 19, 20, 21)
CNN = Places(2, 3, 4, 5, 6, 7, 0, 0, 0, 0, 0)


def _name(rep: Rep, at: Places, zone: str) -> JSON | None:
    out: JSON = {}
    count = len(rep)
    if at.type and count >= at.type and (use := NAME_USE.get(rep[at.type].strip().upper())):
        out["use"] = use
    if family := rep[at.family].strip():
        out["family"] = family
    given = [text for text in (rep[at.given].strip(), rep[at.more].strip()) if text]
    if given:
        out["given"] = given
    if count >= at.suffix:
        if prefix := rep[at.prefix].strip():
            out["prefix"] = [prefix]
        places = (at.suffix, at.degree, at.professional)
        if suffix := [text for place in places if place and (text := rep[place].strip())]:
            out["suffix"] = suffix
        if at.start and count >= at.range and (period := old_validity(rep, at.range, at.start, at.end, zone)):
            out["period"] = period
    return out if out.keys() - {"use", "period"} else None


def _places(value: JSON, at: Places) -> dict[int, str | list[str]] | Fault:
    given, suffix = value.get("given") or [], value.get("suffix") or []
    period = value.get("period", {})
    start, end = back(period.get("start", "")), back(period.get("end", ""))
    if isinstance(start, Fault):
        return start
    if isinstance(end, Fault):
        return end
    parts: dict[int, str | list[str]] = {
        at.family: value.get("family", ""), at.given: given[0] if given else "", at.more: " ".join(given[1:]),
        at.suffix: suffix[0] if suffix else "", at.prefix: " ".join(value.get("prefix") or []),
        at.degree: suffix[1] if len(suffix) > 1 else "",
    }  # fmt: skip
    if at.type:
        parts |= {at.type: NAME_TYPE.get(value.get("use", ""), ""), at.start: start, at.end: end}
        parts[at.professional] = " ".join(suffix[2:])
    return parts


def xpn(value: Rep | str, zone: str = "") -> JSON | None:
    """An XPN as HumanName; one without any name is none."""
    return _name(whole(value), XPN, zone)


def from_xpn(value: JSON) -> Components | Fault:
    """A HumanName as XPN."""
    parts = _places(value, XPN)
    return parts if isinstance(parts, Fault) else compose(parts)


def xcn_name(value: Rep | str, zone: str = "") -> JSON | None:
    """The name in an XCN."""
    return _name(whole(value), XCN, zone)


def xcn_identifier(value: Rep | str) -> JSON | None:
    """The identifier in an XCN."""
    rep = whole(value)
    number = rep[1].strip()
    if not number:
        return None
    count = len(rep)
    hd = authority(rep[9].strip(), rep.sub(9, 2), rep.sub(9, 3)) if count > 8 else {}
    out = build(number, rep[13].strip() if count > 12 else "", hd)
    marks = [{"url": url, "valueString": text} for url, text in ((CHECK_DIGIT, rep[11]), (CHECK_SCHEME, rep[12])) if text]
    return {"extension": marks, **out} if marks else out


def xcn(value: Rep | str, zone: str = "") -> JSON | None:
    """An XCN as the parts of a Practitioner: identifier and name."""
    rep = whole(value)
    name = _name(rep, XCN, zone)
    out: JSON = {}
    if found := xcn_identifier(rep):
        out["identifier"] = [found]
    if name:
        out["name"] = [name]
    return out or None


def from_xcn(value: JSON) -> Components | Fault:
    """A Practitioner's first identifier and name as XCN."""
    one = (value.get("identifier") or [{}])[0]
    parts = _places((value.get("name") or [{}])[0], XCN)
    if isinstance(parts, Fault):
        return parts
    marks = {mark["url"]: mark.get("valueString", "") for mark in one.get("extension", ())}
    return compose(parts | {
        1: one.get("value", ""), 9: hd_of(one), 11: marks.get(CHECK_DIGIT, ""), 12: marks.get(CHECK_SCHEME, ""),
        13: type_code(one),
    })  # fmt: skip


def from_xcn_name(value: JSON) -> Components | Fault:
    """A HumanName where HL7 has an XCN."""
    return from_xcn({"name": [value]})


def from_xcn_identifier(value: JSON) -> Components | Fault:
    """An Identifier where HL7 has an XCN."""
    return from_xcn({"identifier": [value]})


def xcn_reference(value: Rep | str) -> JSON | None:
    """An XCN as a logical Reference: the identifier, and the name to show."""
    rep = whole(value)
    out: JSON = {}
    if found := xcn_identifier(rep):
        out["identifier"] = found
    if shown := " ".join(text for place in (6, 3, 4, 2, 5, 7) if (text := rep[place].strip())):
        out["display"] = shown
    return out or None


def from_xcn_reference(value: JSON) -> Components | Fault:
    """A logical Reference as XCN: the identifier, and the shown name as the family name."""
    names = [{"family": value["display"]}] if value.get("display") else []
    return from_xcn({"identifier": [value["identifier"]] if value.get("identifier") else [], "name": names})


def ndl_name(value: Rep | str) -> JSON | None:
    """The name in an NDL (its first component is a CNN)."""
    return _name(lift(whole(value), 1, 7), CNN, "")


def ndl_identifier(value: Rep | str) -> JSON | None:
    """The identifier in an NDL."""
    rep = whole(value)
    number = rep[1].strip()
    return build(number, "", authority(rep.sub(1, 9), rep.sub(1, 10), rep.sub(1, 11))) if number else None


def from_ndl_name(value: JSON) -> Components | Fault:
    """A HumanName as NDL."""
    parts = _places(value, CNN)
    if isinstance(parts, Fault):
        return parts
    flat = compose({place: part for place, part in parts.items() if place})
    return [[part[0] for part in flat]] if flat else []


def from_ndl_identifier(value: JSON) -> Components:
    """An Identifier as NDL."""
    sub = [value.get("value", ""), *[""] * 7, *hd_of(value)]
    return [sub] if value.get("value") else []
