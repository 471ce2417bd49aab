"""Numbers: NM, SN, NR, CQ, SI, MO, CP and Quantity, Range, Ratio, Money, decimal, integer.

Guide maps NM[Quantity], SN[Quantity], SN[Range], SN[Ratio], NR[Range], CQ[Quantity]. A decimal keeps every digit that
was sent (7.10 stays 7.10); what is not a number gives a fault, never a guess. A comparator before an NM
(`<0.01`) is read as SN has it.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

from engine.fault import Fault, Kind
from fhir.convert.codes import from_unit, unit
from fhir.convert.rep import Components, Rep, compose, first, lift, lower, trim, whole

JSON = dict[str, Any]
NUMBER = re.compile(r"[+-]?(?:\d{1,60}(?:\.\d{0,60})?|\.\d{1,60})(?:[eE][+-]?\d{1,2})?\Z", re.ASCII)
LEADING = re.compile(r"(<=|>=|<|>)\s*", re.ASCII)
COMPARATORS = ("<", "<=", ">", ">=")


def _bad(what: str) -> Fault:
    return Fault(Kind.INCORRECT, "E450", f"the value is no {what}", help="send digits with a decimal point, nothing else")


def decimal(value: Rep | str) -> Decimal | Fault | None:
    """A number with the digits that were sent."""
    text = first(value)
    if not text:
        return None
    return Decimal(text) if NUMBER.match(text) else _bad("number")


def from_decimal(value: Decimal | int | str) -> Components:
    """A number as it is written."""
    return [[format(value, "f") if isinstance(value, Decimal) else str(value)]]


def integer(value: Rep | str) -> int | Fault | None:
    """A whole number."""
    found = decimal(value)
    if not isinstance(found, Decimal):
        return found
    return int(found) if found == found.to_integral_value() else _bad("whole number")


def positive(value: Rep | str) -> int | Fault | None:
    """A whole number above zero."""
    found = integer(value)
    return _bad("positive whole number") if isinstance(found, int) and found < 1 else found


def unsigned(value: Rep | str) -> int | Fault | None:
    """A whole number not below zero."""
    found = integer(value)
    return _bad("whole number from zero up") if isinstance(found, int) and found < 0 else found


def nm_quantity(value: Rep | str) -> JSON | Fault | None:
    """NM as the value of a Quantity, with a comparator some senders write before it."""
    text = first(value)
    mark = LEADING.match(text)
    found = decimal(text[mark.end() :] if mark else text)
    if not isinstance(found, Decimal):
        return _bad("number") if mark and found is None else found
    return {"value": found, "comparator": mark[1]} if mark else {"value": found}


def from_nm_quantity(value: JSON) -> Components:
    """A Quantity's value as NM, its comparator before it."""
    if "value" not in value:
        return []
    return [[value.get("comparator", "") + from_decimal(value["value"])[0][0]]]


def quantity_value(value: Rep | str) -> Decimal | Fault | None:
    """The number of an NM or SN, any comparator left to `comparator`."""
    rep = whole(value)
    found = nm_quantity(rep[2]) if len(rep) > 1 else nm_quantity(rep[1])
    return found["value"] if isinstance(found, dict) else found


def comparator(value: Rep | str) -> str | None:
    """The comparator of an SN, or the one before an NM, when it is one FHIR knows; `=` says nothing."""
    rep = whole(value)
    mark = LEADING.match(rep[1].strip())
    return mark[1] if mark else None


def sn_quantity(value: Rep | str) -> JSON | Fault | None:
    """SN as a Quantity: one number with its comparator."""
    rep = whole(value)
    if len(rep) == 1:
        return nm_quantity(value)
    mark, found = rep[1].strip(), decimal(rep[2])
    if not isinstance(found, Decimal):
        return found
    if mark not in ("", "=", *COMPARATORS):
        return Fault(Kind.INCORRECT, "E453", "the comparator is none of < <= > >= =")
    return {"value": found, "comparator": mark} if mark in COMPARATORS else {"value": found}


def from_sn_quantity(value: JSON) -> Components:
    """A Quantity as SN."""
    return compose({1: value.get("comparator", ""), 2: from_decimal(value["value"])[0][0] if "value" in value else ""})


def _pair(one: str, two: str, names: tuple[str, str]) -> JSON | Fault | None:
    out: JSON = {}
    for name, text in zip(names, (one, two), strict=True):
        found = decimal(text)
        if isinstance(found, Fault):
            return found
        if found is not None:
            out[name] = {"value": found}
    return out or None


def _texts(value: JSON, names: tuple[str, str]) -> tuple[str, str]:
    one, two = (from_decimal(part["value"])[0][0] if (part := value.get(name)) and "value" in part else "" for name in names)
    return one, two


def sn_range(value: Rep | str) -> JSON | Fault | None:
    """SN with `-` as Range."""
    rep = whole(value)
    return _pair(rep[2], rep[4], ("low", "high"))


def from_sn_range(value: JSON) -> Components:
    """A Range as SN."""
    low, high = _texts(value, ("low", "high"))
    return compose({2: low, 3: "-", 4: high})


def sn_ratio(value: Rep | str) -> JSON | Fault | None:
    """SN with `:` or `/` as Ratio; the comparator is the numerator's."""
    rep = whole(value)
    out = _pair(rep[2], rep[4], ("numerator", "denominator"))
    if isinstance(out, dict) and (mark := rep[1].strip()) in COMPARATORS and "numerator" in out:
        out["numerator"]["comparator"] = mark
    return out


def from_sn_ratio(value: JSON) -> Components:
    """A Ratio as SN, written with a colon."""
    one, two = _texts(value, ("numerator", "denominator"))
    return compose({1: value.get("numerator", {}).get("comparator", ""), 2: one, 3: ":", 4: two})


def sn_text(value: Rep | str) -> str | None:
    """SN as it reads: its parts with blanks between (guide: what is neither quantity, range nor ratio)."""
    rep = whole(value)
    return " ".join(text for comp in range(1, 5) if (text := rep[comp].strip())) or None


def nr(value: Rep | str) -> JSON | Fault | None:
    """NR as Range."""
    rep = whole(value)
    return _pair(rep[1], rep[2], ("low", "high"))


def from_nr(value: JSON) -> Components:
    """A Range as NR."""
    low, high = _texts(value, ("low", "high"))
    return compose({1: low, 2: high})


def cq(value: Rep | str) -> JSON | Fault | None:
    """CQ as Quantity: the number, and the unit of its second component."""
    rep = whole(value)
    found = nm_quantity(rep[1])
    if not isinstance(found, dict):
        return found
    return found | (unit(lift(rep, 2, 9)) or {})


def from_cq(value: JSON) -> Components:
    """A Quantity as CQ."""
    return compose({1: from_nm_quantity(value)[0][0] if "value" in value else "", 2: lower(from_unit(value))})


def mo(value: Rep | str) -> JSON | Fault | None:
    """MO as Money."""
    rep = whole(value)
    found = decimal(rep[1])
    if not isinstance(found, Decimal):
        return found
    return {"value": found, "currency": rep[2].strip()} if rep[2].strip() else {"value": found}


def from_mo(value: JSON) -> Components:
    """Money as MO."""
    return compose({1: from_decimal(value["value"])[0][0] if "value" in value else "", 2: value.get("currency", "")})


def cp(value: Rep | str) -> JSON | Fault | None:
    """CP as Money: its first component is an MO."""
    return mo(lift(whole(value), 1, 2))


def from_cp(value: JSON) -> Components:
    """Money as CP."""
    return [trim(lower(from_mo(value)))]
