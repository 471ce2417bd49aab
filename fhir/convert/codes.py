"""Coded values: CWE, CE, CNE, CF, ID, IS and CodeableConcept, Coding, code.

Guide maps CWE[CodeableConcept], CWE[Coding], CWE[Quantity]: three triplets (1-3, 4-6, 10-12) with versions in 7, 8 and 13,
the original text in 9. A coding system without a name may have its OID in 14, 17 or 20.
"""

from __future__ import annotations

import re
from typing import Any

from fhir.convert.rep import Components, Rep, compose, first, lift, lower, whole
from fhir.convert.systems import system_name, system_uri

JSON = dict[str, Any]
UCUM = "http://unitsofmeasure.org"
POWERS = ("10", "x10", "X10")
PER = re.compile(r"(\d{1,2})/([A-Za-z0-9]+)")
VOLUMES = {"l": "L", "dl": "dL", "ml": "mL", "ul": "uL", "mcl": "uL", "nl": "nL", "mm3": "mm3"}


def _coding(code: str, display: str, name: str, version: str, oid: str) -> JSON:
    out: JSON = {}
    if name:
        out["system"] = system_uri(name)
    elif oid and (uri := system_uri(oid)):
        out["system"] = uri
    if version:
        out["version"] = version
    if code:
        out["code"] = code
    if display:
        out["display"] = display
    return out


def concept(value: Rep | str) -> JSON | None:
    """A CWE as CodeableConcept; a triplet with neither code nor text is left out."""
    rep = whole(value)
    codings = []
    count = len(rep)
    code, display = rep[1].strip(), rep[2]
    if code or display:
        codings.append(_coding(code, display, rep[3], rep[7], rep[14] if count > 13 else ""))
    if count > 3:
        code, display = rep[4].strip(), rep[5]
        if code or display:
            codings.append(_coding(code, display, rep[6], rep[8], rep[17] if count > 16 else ""))
        if count > 9:
            code, display = rep[10].strip(), rep[11]
            if code or display:
                codings.append(_coding(code, display, rep[12], rep[13], rep[20] if count > 19 else ""))
    out: JSON = {"coding": codings} if codings else {}
    if count > 8 and (text := rep[9]):
        out["text"] = text
    return out or None


def from_concept(value: JSON) -> Components:
    """A CodeableConcept as CWE: the first three codings, the text in 9."""
    parts: dict[int, str | list[str]] = {9: value.get("text", "")}
    places = ((1, 2, 3, 7), (4, 5, 6, 8), (10, 11, 12, 13))
    for coding, (code, display, name, version) in zip(value.get("coding", ()), places, strict=False):
        parts[code] = coding.get("code", "")
        parts[display] = coding.get("display", "")
        parts[name] = system_name(coding.get("system", ""))
        parts[version] = coding.get("version", "")
    return compose(parts)


def coding(value: Rep | str) -> JSON | None:
    """The first triplet of a CWE as Coding."""
    rep = whole(value)
    return _coding(rep[1].strip(), rep[2], rep[3], rep[7], rep[14]) or None


def from_coding(value: JSON) -> Components:
    """A Coding as the first triplet of a CWE."""
    return from_concept({"coding": [value]})


def code(value: Rep | str) -> str | None:
    """The identifier of a coded value: of the first triplet that has one."""
    if isinstance(value, str):
        return value.strip() or None
    return value[1].strip() or (value[4].strip() or value[10].strip() if len(value) > 3 else "") or None


def system(value: Rep | str) -> str | None:
    """The URI of the coding system a CWE names."""
    rep = whole(value)
    return system_uri(rep[3]) or system_uri(rep[14]) or None


def words(value: Rep | str) -> str | None:
    """What a coded value says in words: the original text, the text, or the identifier."""
    rep = whole(value)
    return rep[9] or rep[2] or rep[1] or None


def from_text(value: str) -> Components:
    """A plain text as the only component."""
    return [[value]] if value else []


def from_words(value: str) -> Components:
    """A text without a code: CWE.2."""
    return compose({2: value})


def _power(name: str, text: str) -> tuple[str, str] | None:
    """The unit and its UCUM code, '' where that is not known, of `10^3/uL` whose sender did not escape the `^`."""
    found = PER.fullmatch(text) if name in POWERS else None
    return (f"{name}^{text}", f"10*{found[1]}/{VOLUMES[per]}" if (per := found[2].lower()) in VOLUMES else "") if found else None


def unit_words(value: Rep | str) -> str | None:
    """How a unit reads: its text, its code, or the alternate's."""
    rep = whole(value)
    name, text = rep[1].strip(), rep[2].strip()
    if power := _power(name, text):
        return power[0]
    return text or name or rep[5].strip() or rep[4].strip() or None


def unit(value: Rep | str) -> JSON | None:
    """The unit a CWE names, as the unit parts of a Quantity: a code only with its system (guide: CWE[Quantity])."""
    rep = whole(value)
    name, text, uri = rep[1].strip(), rep[2].strip(), system_uri(rep[3])
    if power := _power(name, text):
        return {"unit": power[0]} | ({"system": UCUM, "code": power[1]} if power[1] else {})
    if not name and not text:  # only the alternate was sent
        name, text, uri = rep[4].strip(), rep[5].strip(), system_uri(rep[6])
    out: JSON = {}
    if text or name:
        out["unit"] = text or name
    if name and uri:
        out["system"] = uri
        out["code"] = name
    return out or None


def from_unit(value: JSON) -> Components:
    """The unit parts of a Quantity as CWE."""
    code, text = value.get("code", ""), value.get("unit", "")
    if not code:
        return compose({1: text})
    return compose({1: code, 2: text if text != code else "", 3: system_name(value.get("system", ""))})


def identifier(value: Rep | str) -> JSON | None:
    """A CWE used as an identifier (IN1-2, OBX-15): its code, in the name of its coding system."""
    rep = whole(value)
    number = rep[1].strip()
    uri = system_uri(rep[3])
    return ({"system": uri} if uri else {}) | {"value": number} if number else None


def from_identifier(value: JSON) -> Components:
    """An identifier written where HL7 has a CWE."""
    return compose({1: value.get("value", ""), 3: system_name(value.get("system", ""))})


def boolean(value: Rep | str) -> bool | None:
    """Table 0136: Y is true, N is false; anything else says nothing."""
    return {"Y": True, "N": False}.get(first(value).upper())


def from_boolean(value: bool) -> Components:
    """Table 0136."""
    return [["Y" if value else "N"]]


def text_concept(value: Rep | str) -> JSON | None:
    """A text where FHIR wants a concept: its words only."""
    text = first(value)
    return {"text": text} if text else None


def from_text_concept(value: JSON) -> Components:
    """The words of a concept."""
    codings = value.get("coding") or [{}]
    return from_text(value.get("text", "") or codings[0].get("display", "") or codings[0].get("code", ""))


def bare_concept(value: Rep | str) -> JSON | None:
    """An ID or IS code as a concept without a system: the field's table gives it one."""
    name = first(value)
    return {"coding": [{"code": name}]} if name else None


def coded(value: Any) -> JSON | None:
    """What a code table answered, as Coding: any object with code, system and display."""
    out: JSON = {"system": value.system} if value.system else {}
    out["code"] = value.code
    if value.display:
        out["display"] = value.display
    return out if value.code else None


def coded_concept(value: Any) -> JSON | None:
    """What a code table answered, as CodeableConcept."""
    found = coded(value)
    return {"coding": [found]} if found else None


def coded_unit(value: Any) -> JSON | None:
    """A unit a code table answered, as the coded parts of a Quantity."""
    return {"system": value.system, "code": value.code} if value.code and value.system else None


def inner_concept(value: Rep | str) -> JSON | None:
    """A type whose first component is a CWE (SPS, DLD, FC), as CodeableConcept; some senders write its parts as components."""
    rep = whole(value)
    if len(rep) > 2 and not rep.sub(1, 2) and system_uri(rep[3]).startswith(("http", "urn:oid:")):
        return coded_concept_of(rep)
    return concept(lift(rep, 1, 20))


def coded_concept_of(rep: Rep) -> JSON | None:
    """The first triplet of a field as a concept."""
    found = coding(rep)
    return {"coding": [found]} if found else None


def from_inner_concept(value: JSON) -> Components:
    """A CodeableConcept as the first component of such a type."""
    return [lower(from_concept(value))]
