"""Identifiers: CX, EI, EIP, HD and Identifier, uri.

Guide maps CX[Identifier], EI[Identifier-System], EIP[…], HD[uri]. The system is the assigning authority's OID, UUID or URI; an
authority known by its namespace only is a local name (see systems.py). Where both were sent the namespace is kept in
`assigner.display`, so neither is lost.
"""

from __future__ import annotations

from typing import Any

from engine.fault import Fault
from fhir.convert.identifier_types import IDENTIFIER_TYPES, TYPES_SYSTEM
from fhir.convert.rep import Components, Rep, compose, first, lift, trim, whole
from fhir.convert.systems import LOCAL, authority_parts, authority_uri
from fhir.convert.times import back, validity

JSON = dict[str, Any]
CHECK_DIGIT = "http://hl7.org/fhir/StructureDefinition/identifier-checkDigit"
CHECK_SCHEME = "http://hl7.org/fhir/StructureDefinition/namingsystem-checkDigit"


def kind(code: str) -> JSON:
    """An identifier type of table 0203 as CodeableConcept; a code that is not of the table has no system."""
    if code in IDENTIFIER_TYPES:
        return {"coding": [{"system": TYPES_SYSTEM, "code": code}]}
    return {"coding": [{"code": code}]}


def authority(namespace: str, universal: str, id_type: str) -> JSON:
    """What an HD says of an identifier: its system, and the namespace where that is not the system already."""
    uri = authority_uri(namespace, universal, id_type)
    out: JSON = {"system": uri} if uri else {}
    if namespace and uri and not uri.startswith(LOCAL):
        out["assigner"] = {"display": namespace}
    return out


def hd_of(value: JSON) -> list[str]:
    """The HD an identifier's system and assigner stand for."""
    namespace, universal, id_type = authority_parts(value.get("system", ""))
    return trim([namespace or value.get("assigner", {}).get("display", ""), universal, id_type])


def build(number: str, code: str, hd: JSON, period: JSON | None = None) -> JSON:
    """An Identifier in FHIR's element order."""
    out: JSON = {}
    if code:
        out["type"] = kind(code)
    if "system" in hd:
        out["system"] = hd["system"]
    out["value"] = number
    if period:
        out["period"] = period
    if "assigner" in hd:
        out["assigner"] = hd["assigner"]
    return out


def cx(value: Rep | str, zone: str = "") -> JSON | None:
    """A CX as Identifier; without an id number there is none."""
    rep = whole(value)
    number = rep[1].strip()
    if not number:
        return None
    count = len(rep)
    hd = authority(rep[4].strip(), rep.sub(4, 2), rep.sub(4, 3)) if count > 3 else {}
    period = validity(rep[7].strip(), rep[8].strip(), zone) if count > 6 else None
    out = build(number, rep[5].strip() if count > 4 else "", hd, period)
    marks = [{"url": url, "valueString": text} for url, text in ((CHECK_DIGIT, rep[2]), (CHECK_SCHEME, rep[3])) if text]
    return {"extension": marks, **out} if marks else out


def from_cx(value: JSON) -> Components | Fault:
    """An Identifier as CX."""
    marks = {mark["url"]: mark.get("valueString", "") for mark in value.get("extension", ())}
    period = value.get("period", {})
    start, end = back(period.get("start", "")), back(period.get("end", ""))
    if isinstance(start, Fault):
        return start
    if isinstance(end, Fault):
        return end
    return compose({
        1: value.get("value", ""), 2: marks.get(CHECK_DIGIT, ""), 3: marks.get(CHECK_SCHEME, ""), 4: hd_of(value),
        5: type_code(value), 7: start, 8: end,
    })  # fmt: skip


def type_code(value: JSON) -> str:
    """The first type code of an Identifier."""
    codings = value.get("type", {}).get("coding") or [{}]
    return str(codings[0].get("code", ""))


def ei(value: Rep | str) -> JSON | None:
    """An EI as Identifier."""
    rep = whole(value)
    number = rep[1].strip()
    return build(number, "", authority(rep[2].strip(), rep[3], rep[4])) if number else None


def from_ei(value: JSON) -> Components:
    """An Identifier as EI."""
    return compose(dict(enumerate([value.get("value", ""), *hd_of(value)], 1)))


def eip(value: Rep | str) -> list[JSON] | None:
    """An EIP as its placer's and its filler's Identifier (types PGN and FGN, as the guide has them)."""
    rep = whole(value)
    out = []
    for comp, code in ((1, "PGN"), (2, "FGN")):
        if found := ei(lift(rep, comp, 4)):
            out.append({"type": kind(code), **found})
    return out or None


def from_eip(value: list[JSON] | JSON) -> Components:
    """Identifiers as EIP: FGN is the filler's, anything else the placer's."""
    parts: dict[int, str | list[str]] = {}
    for one in value if isinstance(value, list) else [value]:
        parts[2 if type_code(one) == "FGN" else 1] = trim([part[0] for part in from_ei(one)])
    return compose(parts)


def hd(value: Rep | str) -> str | None:
    """An HD as the URI of what it names."""
    rep = whole(value)
    return authority_uri(rep[1].strip(), rep[2], rep[3]) or None


def from_hd(value: str) -> Components:
    """A URI as HD."""
    return compose(dict(enumerate(authority_parts(value), 1)))


def hd_identifiers(value: Rep | str) -> list[JSON] | None:
    """An HD as the identifiers of an organization or place: its namespace, and its universal id with its type (table 0301)."""
    rep = whole(value)
    out: list[JSON] = [{"value": rep[1].strip()}] if rep[1].strip() else []
    universal, id_type = rep[2].strip(), rep[3].strip()
    if universal:
        mark: JSON = {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v2-0301", "code": id_type}]}
        one: JSON = {"type": mark} if id_type else {}
        if id_type in ("ISO", "UUID"):
            one["system"] = "urn:ietf:rfc:3986"
        out.append(one | {"value": universal})
    return out or None


def hd_name(value: Rep | str) -> str | None:
    """The name of what an HD names."""
    rep = whole(value)
    return rep[1].strip() or rep[2].strip() or None


def dln(value: Rep | str, zone: str = "") -> JSON | None:
    """A driver's licence (number, issuer, expiry) as Identifier of type DL."""
    rep = whole(value)
    number = rep[1].strip()
    if not number:
        return None
    return build(number, "DL", authority(rep[2].strip(), "", ""), validity("", rep[3].strip(), zone))


def from_dln(value: JSON) -> Components | Fault:
    """An Identifier as DLN."""
    end = back(value.get("period", {}).get("end", ""))
    return end if isinstance(end, Fault) else compose({1: value.get("value", ""), 2: hd_of(value)[0], 3: end})


def ssn(value: Rep | str) -> JSON | None:
    """A United States social security number (PID-19) as Identifier; the guide's system and type."""
    number = first(value)
    return build(number, "SS", {"system": "http://hl7.org/fhir/sid/us-ssn"}) if number else None
