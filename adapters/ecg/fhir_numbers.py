"""Measurements as Observations: the recorder's, and our own.

Sources: LOINC, IEEE 11073-10101 (MDC).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from functools import lru_cache
from typing import Any

from adapters.ecg.fhir_parts import JSON, LOINC, MDC, Source, lead_code, observation, quantity, to
from adapters.ecg.measures import BY_NAME, Measure
from adapters.ecg.recording import Recording
from fhir.ids import resource_id

LOCAL = "urn:isthmus:ecg-measurement"


@lru_cache(maxsize=512)
def _code(name: str) -> JSON:
    """LOINC, MDC and our own code of a measurement: the same object each time, which is handed to another process once a report."""
    measure: Measure | None = BY_NAME.get(name.lower()) or BY_NAME.get({"rr_mean": "rr"}.get(name.lower(), ""))
    codings = []
    if measure is not None and measure.loinc:
        codings.append({"system": LOINC, "code": measure.loinc})
    if measure is not None and measure.mdc:
        codings.append({"system": MDC, "code": str(measure.mdc[0]), "display": measure.mdc[1]})
    return {"coding": [*codings, {"system": LOCAL, "code": name}], "text": measure.title if measure else name.replace("_", " ")}


def recorders_numbers(
    recording: Recording, source: Source, subject: JSON | None, recorder: JSON | None, main: JSON
) -> list[JSON]:
    """An Observation for each measurement that the recorder made."""
    return [
        observation(
            recording, resource_id("Observation", "ecg", source.digest, "recorder", one.name, one.lead), _code(one.name), subject, recorder,
            derivedFrom=[to("Observation", main["id"])], valueQuantity=quantity(one.value, one.unit),
            method={"text": "measured by the recorder"},
        )
        for one in recording.measurements
    ]  # fmt: skip


def our_numbers(
    recording: Recording, source: Source, subject: JSON | None, algorithm: JSON, main: JSON, measured: Sequence[Mapping[str, Any]]
) -> list[JSON]:  # fmt: skip
    """An Observation for each measurement of the whole recording, and one a lead with that lead's as components."""
    out: list[JSON] = []
    leads: dict[str, list[JSON]] = {}
    version, derived = algorithm["id"], [to("Observation", main["id"])]
    for one in measured:
        if one.get("lead"):
            leads.setdefault(str(one["lead"]), []).append(_part(one))
            continue
        out.append(
            observation(
                recording, resource_id("Observation", "ecg", source.digest, version, str(one["name"])), _code(str(one["name"])), subject,
                algorithm, derivedFrom=derived, valueQuantity=_number(one), method={"text": str(one["method"])},
                component=[_sure(one)],
            )
        )  # fmt: skip
    for lead, parts in leads.items():
        out.append(
            observation(
                recording, resource_id("Observation", "ecg", source.digest, version, "lead", lead), {"text": f"Measurements of lead {lead}"},
                subject, algorithm, derivedFrom=derived, bodySite=lead_code(lead), component=parts,
            )
        )  # fmt: skip
    return out


def _number(one: Mapping[str, Any]) -> JSON:
    return quantity(Decimal(str(one["value"])), str(one["unit"]))


def _part(one: Mapping[str, Any]) -> JSON:
    return {"code": _code(str(one["name"])), "valueQuantity": _number(one)}


def _sure(one: Mapping[str, Any]) -> JSON:
    return {
        "code": {"coding": [{"system": LOCAL, "code": "sure"}], "text": "How sure the measurement is, 0 to 1"},
        "valueQuantity": quantity(Decimal(str(one.get("sure", 0))), "1"),
    }
