"""Composite values as people say them, for results (OBX-5) whose type FHIR's Observation.value does not have."""

from __future__ import annotations

from fhir.convert.people import XCN, XPN, Places
from fhir.convert.rep import Rep, whole
from fhir.convert.telecoms import xtn


def _person(rep: Rep, at: Places) -> str | None:
    parts = (rep[place].strip() for place in (at.prefix, at.given, at.more, at.family, at.suffix, at.degree))
    return " ".join(part for part in parts if part) or None


def name(value: Rep | str) -> str | None:
    """An XPN as a person's name."""
    return _person(whole(value), XPN)


def doctor(value: Rep | str) -> str | None:
    """An XCN as a person's name, else the number."""
    rep = whole(value)
    return _person(rep, XCN) or rep[1].strip() or None


def address(value: Rep | str) -> str | None:
    """An XAD in one line."""
    rep = whole(value)
    street = " ".join(part for sub in (1, 2, 3) if (part := rep.sub(1, sub).strip()))
    parts = (street, *(rep[comp].strip() for comp in (2, 3, 4, 5, 6)))
    return ", ".join(part for part in parts if part) or None


def telecom(value: Rep | str) -> str | None:
    """An XTN as its number or address."""
    found = xtn(whole(value))
    return str(found["value"]) if found else None


def number(value: Rep | str) -> str | None:
    """A CX as its number and who assigned it."""
    rep = whole(value)
    by = rep[4].strip()
    return " ".join(part for part in (rep[1].strip(), f"({by})" if by else "") if part) or None


def amount(value: Rep | str) -> str | None:
    """An MO or CP as its amount and currency."""
    rep = whole(value)
    currency = rep.sub(1, 2).strip() or rep[2].strip()
    return " ".join(part for part in (rep.sub(1, 1).strip(), currency) if part) or None


__all__ = ["address", "amount", "doctor", "name", "number", "telecom"]
