"""Fields for converter tests, written as HL7 writes them."""

from __future__ import annotations

from fhir.convert.rep import Components, Parts


def rep(text: str) -> Parts:
    """One repetition: `^` between components, `&` between sub-components, nothing escaped."""
    return Parts([component.split("&") for component in text.split("^")])


def er7(components: Components) -> str:
    """Components as HL7 writes them."""
    return "^".join("&".join(component) for component in components)
