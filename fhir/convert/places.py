"""Addresses, organizations and locations: XAD, XON, PL and Address, Organization, Location.

Guide maps XAD[Address], SAD[Address], XON[Organization], PL[Location]; table 0190 by the guide's AddressType maps.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from engine.fault import Fault
from fhir.convert.identifiers import authority, build, hd_identifiers, hd_of, type_code
from fhir.convert.rep import Components, Rep, compose, lift, whole
from fhir.convert.times import back, old_validity

JSON = dict[str, Any]
CENSUS_TRACT = "http://hl7.org/fhir/StructureDefinition/iso21090-ADXP-censusTract"
ADDRESS_USE = {"BA": "old", "BI": "billing", "C": "temp", "B": "work", "O": "work", "H": "home"}
ADDRESS_CODE = {"old": "BA", "billing": "BI", "temp": "C", "work": "B", "home": "H"}


def xad(value: Rep | str, zone: str = "") -> JSON | None:
    """An XAD as Address; one with nothing but a use is none."""
    rep = whole(value)
    count = len(rep)
    out: JSON = {}
    kind = rep[7].strip().upper() if count > 6 else ""
    if use := ADDRESS_USE.get(kind):
        out["use"] = use
    if kind in ("M", "SH"):
        out["type"] = "postal"
    lines = (rep[1], rep.sub(1, 2), rep.sub(1, 3), rep[2], rep[19] if count > 18 else "")
    if kept := [text for line in lines if (text := line.strip())]:
        out["line"] = kept
    for name, comp in (("city", 3), ("district", 9), ("state", 4), ("postalCode", 5), ("country", 6)):
        text = (rep.sub(9, 2) or rep[9]) if comp == 9 else rep[comp]
        if text := text.strip():
            out[name] = text
    if count > 9:
        if tract := (rep.sub(10, 2) or rep[10]).strip():
            out = {"extension": [{"url": CENSUS_TRACT, "valueString": tract}], **out}
        if period := old_validity(rep, 12, 13, 14, zone):
            out["period"] = period
    return out if out.keys() - {"use", "type", "period"} else None


def from_xad(value: JSON) -> Components | Fault:
    """An Address as XAD. Lines go where they are read back in order: street address (three parts), other designation."""
    lines, period = value.get("line") or [], value.get("period", {})
    start, end = back(period.get("start", "")), back(period.get("end", ""))
    if isinstance(start, Fault):
        return start
    if isinstance(end, Fault):
        return end
    marks = {mark["url"]: mark.get("valueString", "") for mark in value.get("extension", ())}
    street = lines[:1] if len(lines) < 3 else lines[: min(len(lines) - 1, 3)]
    return compose({
        1: list(street), 2: ", ".join(lines[len(street) :]), 3: value.get("city", ""), 4: value.get("state", ""),
        5: value.get("postalCode", ""), 6: value.get("country", ""),
        7: ADDRESS_CODE.get(value.get("use", "")) or ("M" if value.get("type") == "postal" else ""),
        9: value.get("district", ""), 10: marks.get(CENSUS_TRACT, ""), 13: start, 14: end,
    })  # fmt: skip


def district(value: Rep | str) -> JSON | None:
    """A county code alone (PID-12) as an Address of its district."""
    text = whole(value)[1].strip()
    return {"district": text} if text else None


def xon_identifier(value: Rep | str) -> JSON | None:
    """The identifier in an XON: component 10, or 3 where it is not valued."""
    rep = whole(value)
    number = rep[10].strip() or rep[3].strip()
    if not number:
        return None
    return build(number, rep[7].strip(), authority(rep[6].strip(), rep.sub(6, 2), rep.sub(6, 3)))


def xon_name(value: Rep | str) -> str | None:
    """The name in an XON."""
    return whole(value)[1].strip() or None


def xon(value: Rep | str) -> JSON | None:
    """An XON as the parts of an Organization: identifier and name."""
    out: JSON = {}
    if found := xon_identifier(value):
        out["identifier"] = [found]
    if name := xon_name(value):
        out["name"] = name
    return out or None


def from_xon(value: JSON) -> Components:
    """An Organization's name and first identifier as XON."""
    one = (value.get("identifier") or [{}])[0]
    return compose({1: value.get("name", ""), 6: hd_of(one), 7: type_code(one), 10: one.get("value", "")})


def from_xon_name(value: str) -> Components:
    """A name as XON."""
    return compose({1: value})


def from_xon_identifier(value: JSON) -> Components:
    """An Identifier as XON."""
    return from_xon({"identifier": [value]})


def xon_reference(value: Rep | str) -> JSON | None:
    """An XON as a logical Reference: its identifier and name."""
    out: JSON = {}
    if found := xon_identifier(value):
        out["identifier"] = found
    if name := xon_name(value):
        out["display"] = name
    return out or None


def from_xon_reference(value: JSON) -> Components:
    """A logical Reference as XON."""
    one = value.get("identifier")
    return from_xon({"name": value.get("display", ""), "identifier": [one] if one else []})


PL_FINEST_FIRST = ((3, "bd"), (2, "ro"), (8, "lvl"), (1, ""), (7, "bu"), (4, "si"))  # component, location-physical-type


def pl_parts(value: Rep | str) -> list[tuple[str, list[JSON]]]:
    """The places a PL names, the finest first, each with its physical type and identifiers."""
    rep = whole(value)
    return [(kind, found) for comp, kind in PL_FINEST_FIRST if (found := hd_identifiers(lift(rep, comp, 3)))]


def pl_name(value: Rep | str) -> str | None:
    """A PL as people say it: facility, building, floor, point of care, room, bed; or its description."""
    rep = whole(value)
    said = [text for comp in (4, 7, 8, 1, 2, 3) if (text := rep[comp].strip())]
    return " ".join(said) or rep[9].strip() or None


def pl_identifiers(value: Rep | str) -> list[JSON] | None:
    """The identifiers of the finest place a PL names."""
    parts = pl_parts(value)
    return parts[0][1] if parts else None


def _level(comp: int) -> Callable[[Rep | str], list[JSON] | None]:
    return lambda value: hd_identifiers(lift(whole(value), comp, 3))


# the identifiers of one place a PL names, for `| as(PL_BED)` and its like
PL_LEVELS = {
    "POC": _level(1),
    "ROOM": _level(2),
    "BED": _level(3),
    "FACILITY": _level(4),
    "BUILDING": _level(7),
    "FLOOR": _level(8),
}

# the identifiers of one place an NDL names: its components 4 to 7, 10 and 11
NDL_LEVELS = {
    "POINT": _level(4),
    "ROOM": _level(5),
    "BED": _level(6),
    "SITE": _level(7),
    "BUILDING": _level(10),
    "FLOOR": _level(11),
}


def pl_reference(value: Rep | str) -> JSON | None:
    """A PL as a Reference that only shows what it names."""
    name = pl_name(value)
    return {"display": name} if name else None


def from_pl_reference(value: JSON) -> Components:
    """A shown place as PL: its description."""
    return compose({9: value.get("display", "")})
