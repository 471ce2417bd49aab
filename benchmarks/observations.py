"""Observations for benchmarks: what they look like, and a way to store a million of them in minutes.

They are packed by the store's own code and sent by COPY; only the look-up of what is there already is left out.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import psycopg

from engine.types import Put
from fhir.store.batch import Batch, Held
from fhir.store.types import key_of

CODES = "2951-2 2823-3 2075-0 2028-9 3094-0 2160-0 2345-7 17861-6 718-7 6690-2".split()
SELDOM, RARE = "3016-3", "5671-3"  # one in 200, one in 5,000
EACH = 200  # Observations of one patient: 20 of each usual code
CATEGORY = "http://terminology.hl7.org/CodeSystem/observation-category"


def mixed(number: int, salt: int, most: int) -> int:
    """A number below `most` that looks random and is always the same."""
    return ((number + salt) * 0x9E3779B97F4A7C15 >> 20) % (1 << 40) % most


def code(number: int) -> str:
    """What an Observation is about: ten usual codes, a seldom and a rare one."""
    dice = mixed(number, 1, 5000)
    return RARE if dice == 0 else SELDOM if dice <= 25 else CODES[number % 10]


def observation(number: int) -> dict[str, Any]:
    """A laboratory result, one in a hundred an exam; different from every other."""
    return {
        "resourceType": "Observation", "id": f"o{number}",
        "identifier": [{"system": "urn:bench", "value": f"n{number}"}],
        "status": "final",
        "category": [{"coding": [{"system": CATEGORY, "code": "exam" if mixed(number, 2, 100) == 0 else "laboratory"}]}],
        "code": {"coding": [{"system": "http://loinc.org", "code": code(number), "display": "Analyte"}]},
        "subject": {"reference": f"Patient/p{number // EACH}"},
        "effectiveDateTime": f"2026-03-{mixed(number, 3, 28) + 1:02d}T{mixed(number, 4, 24):02d}:{mixed(number, 5, 60):02d}:00Z",
        "valueQuantity": {"value": number % 900, "unit": "mmol/L", "system": "http://unitsofmeasure.org", "code": "mmol/L"},
    }  # fmt: skip


def text(number: int) -> bytes:
    """The same as it is sent."""
    return json.dumps(observation(number)).encode()


def fill(dsn: str, first: int, last: int) -> None:
    """Stores the Observations first..last-1, which are not there yet, and lets the database look at them once."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        for numbers in chunks(first, last, 5000):
            batch, held = Batch(datetime.now(UTC)), []
            with connection.transaction(), connection.cursor() as cursor:
                for number in numbers:
                    body = observation(number)
                    one = Held("Observation", body["id"], key_of("Observation", body["id"]))
                    batch.take(cursor, one, Put(body))
                    held.append(one)
                batch.store(cursor, held)
        connection.execute("vacuum analyze fhir.resource")


def chunks(first: int, last: int, size: int) -> Iterator[range]:
    """Pieces of a range."""
    for at in range(first, last, size):
        yield range(at, min(at + size, last))
