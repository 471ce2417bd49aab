"""The values that leave tokens: flags, codes and identifiers, references, addresses.

`tokens` are indexed; `exact` holds the finer forms (system and code), compared on the rows that `tokens` found.
"""

from __future__ import annotations

from typing import Any

from fhir.search.entries import Entries, Visit
from fhir.search.hashing import packed, unique
from fhir.search.parameters import Path

JSON = dict[str, Any]
MAX_KEPT = 4096  # codes of one path
OFTEN = (
    "Patient/",
    "Practitioner/",
    "PractitionerRole/",
    "Organization/",
    "Location/",
    "Device/",
    "Encounter/",
)  # often pointed to
Forms = tuple[tuple[bytes, ...], tuple[bytes, ...]]  # for the index, to compare


def exists(path: Path) -> Visit:
    """Patient.deceased: there, and not false."""
    mark = packed(f"{path.id}|true")

    def visit(value: Any, out: Entries) -> None:
        if value is not None and value is not False:
            out.tokens.append(mark)

    return visit


def token(path: Path) -> Visit:
    """Codes, identifiers, flags, contacts: the bare code for the index, the code with its system to compare."""
    coding, usual = f"{path.id}|", path.usual
    kept: dict[tuple[Any, Any], Forms] = {}

    def forms(system: Any, value: Any) -> Forms:
        bare = (unique(f"{coding}{value}"),) if value is not None else ()
        full = (unique(f"{coding}{system or ''}|{value}"),) if value is not None else ()
        whole = (packed(f"{coding}{system}|"),) if system else ()
        return ((), (*bare, *full, *whole)) if value in usual else (bare, (*full, *whole))

    def code(one: JSON, out: Entries) -> None:
        key = (one.get("system"), one.get("code"))
        found = kept.get(key)
        if found is None:
            if len(kept) > MAX_KEPT:
                kept.clear()
            found = kept[key] = forms(*key)
        out.tokens += found[0]
        out.exact += found[1]

    def concept(value: Any, out: Entries) -> None:
        for one in value.get("coding", ()):
            code(one, out)

    def valued(value: Any, out: Entries) -> None:
        bare, finer = forms(value.get("system"), value.get("value"))
        out.tokens += bare
        out.exact += finer

    def flag(value: Any, out: Entries) -> None:
        text = ("true" if value else "false") if isinstance(value, bool) else value
        if isinstance(text, str):
            (out.exact if text in usual else out.tokens).append(packed(f"{coding}{text}"))

    known = {"CodeableConcept": concept, "Coding": code, "Identifier": valued, "ContactPoint": valued}
    return known.get(path.type, code if path.type in ("Quantity", "Money") else flag)


def reference(path: Path, mine: bool) -> Visit:
    """References by type and id, canonicals by address, logical ones by identifier."""
    id = path.id

    def visit(value: Any, out: Entries) -> None:
        if not mine and value.__class__ is dict and len(value) == 1 and "reference" in value:  # as nearly all are
            text = value["reference"]
            if text and text[0] != "#" and "/_history/" not in text:
                out.tokens.append((packed if text.startswith(OFTEN) else unique)(f"{id}|{text}"))
                return
        if isinstance(value, str):
            out.tokens.append(unique(f"{id}|{value}"))
            if "|" in value:
                out.tokens.append(unique(f"{id}|{value.partition('|')[0]}"))
            return
        if not isinstance(value, dict):
            return
        if "resourceType" in value:
            out.tokens.append(unique(f"{id}|{value['resourceType']}/{value.get('id', '')}"))
            return
        text = value.get("reference")
        if text and text[0] != "#":
            text = text.partition("/_history/")[0]
            if mine and text.startswith("Patient/") and out.patient is None:
                out.patient = packed(text)[4:]
            else:
                out.tokens.append((packed if text.startswith(OFTEN) else unique)(f"{id}|{text}"))
        held = value.get("identifier")
        if held is not None and "value" in held:
            out.tokens.append(unique(f"{id}:identifier|{held['value']}"))
            out.exact.append(unique(f"{id}:identifier|{held.get('system', '')}|{held['value']}"))

    return visit


def uri(path: Path) -> Visit:
    """Addresses, letter by letter; canonical ones also without their version."""
    id, versioned = path.id, path.type == "canonical"

    def visit(value: Any, out: Entries) -> None:
        if isinstance(value, str):
            out.tokens.append(packed(f"{id}|{value}"))
            if versioned and "|" in value:
                out.tokens.append(packed(f"{id}|{value.partition('|')[0]}"))

    return visit
