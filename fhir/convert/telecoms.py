"""Telephone numbers and addresses of the net: XTN and ContactPoint.

Guide map XTN[ContactPoint]; tables 0201 and 0202 by the guide's TelecommunicationUseCode and TelecommunicationEquipmentType maps.
A number without an equipment type is a telephone, one in XTN-4 an e-mail address.
"""

from __future__ import annotations

from typing import Any

from engine.fault import Fault
from fhir.convert.rep import Components, Rep, compose, whole
from fhir.convert.times import back, validity

JSON = dict[str, Any]
USE = {"PRN": "home", "WPN": "work", "PRS": "mobile"}
USE_CODE = {"home": "PRN", "work": "WPN", "mobile": "PRS"}
SYSTEM = {
    "PH": "phone", "CP": "phone", "FX": "fax", "BP": "pager", "INTERNET": "email", "X.400": "email", "MD": "other",
    "SAT": "other", "TDD": "other", "TTY": "other",
}  # fmt: skip
EQUIPMENT = {"phone": "PH", "fax": "FX", "pager": "BP", "email": "Internet", "url": "Internet", "sms": "CP", "other": "MD"}
NET = ("INTERNET", "X.400")


def _number(rep: Rep) -> str:
    if whole_number := rep[12].strip():
        return whole_number
    country, area, local, extension = (rep[comp].strip() for comp in (5, 6, 7, 8))
    if not local:
        return rep[1].strip()
    text = f"{area} {local}" if area else local
    if country:
        text = f"+{country.lstrip('+')} {text}"
    return f"{text} X{extension}" if extension else text


def xtn(value: Rep | str, zone: str = "") -> JSON | None:
    """An XTN as ContactPoint; without number or address there is none, and a rank that is no positive number is none."""
    rep = whole(value)
    count = len(rep)
    kind = rep[3].strip().upper() if count > 2 else ""
    net = rep[4].strip() if count > 3 else ""
    number = "" if kind in NET else _number(rep)
    text = (net or rep[1].strip()) if kind in NET else (number or net)
    if not text:
        return None
    use_code = rep[2].strip().upper() if count > 1 else ""
    system = SYSTEM.get(kind) or ("email" if not number or (not kind and use_code == "NET") else "phone")
    out: JSON = {"system": system, "value": text}
    if use := USE.get(use_code) or ("mobile" if kind == "CP" else None):
        out["use"] = use
    if count < 13:
        return out
    rank = rep[18].strip()
    if rank.isdecimal() and rank.isascii() and int(rank) > 0:
        out["rank"] = int(rank)
    if period := validity(rep[13].strip(), rep[14].strip(), zone):
        out["period"] = period
    return out


def from_xtn(value: JSON) -> Components | Fault:
    """A ContactPoint as XTN; a number stands in 1 (older receivers) and 12, an address in 4."""
    system, text, period = value.get("system", ""), value.get("value", ""), value.get("period", {})
    start, end = back(period.get("start", "")), back(period.get("end", ""))
    if isinstance(start, Fault):
        return start
    if isinstance(end, Fault):
        return end
    use = USE_CODE.get(value.get("use", ""), "")
    net = system in ("email", "url")
    return compose({
        1: "" if net else text, 2: use or ("NET" if net else ""), 3: EQUIPMENT.get(system, ""), 4: text if net else "",
        12: "" if net else text, 13: start, 14: end, 18: str(value.get("rank", "")),
    })  # fmt: skip
