"""What a rule takes from the stored resource: `clear if …: period.end`."""

from __future__ import annotations

from typing import Any

import pytest

MAPPING = """mapping: bedside
reads: json
writes: fhir R4
resources:
  Patient:
    key: patient.id
    update: merge
    clear if patient.sex = F: birthDate, name.period
    clear: photo
    birthDate: =patient.born
    name: { family: =patient.family }
    gender: unknown
"""


@pytest.mark.parametrize(
    ("patient", "cleared"),
    [
        ('{"id": "7", "sex": "F"}', ("birthDate", "name.period", "photo")),
        ('{"id": "7", "sex": "M"}', ("photo",)),
        ('{"id": "7", "sex": "F", "born": "1970-01-01"}', ("name.period", "photo")),
        ('{"id": "7", "sex": "F", "family": "Doe"}', ("birthDate", "photo")),
    ],
)
def test_what_is_cleared_follows_from_the_test_and_from_what_is_told(bench: Any, patient: str, cleared: tuple[str, ...]) -> None:
    (put,) = bench.run(MAPPING, body=f'{{"patient": {patient}}}'.encode())
    assert put.clear == cleared
