"""Every operation of the OpenAPI under generated calls, right and wrong ones: never a 500, always an outcome."""

from __future__ import annotations

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import GenerationMode

from fhir.rest.openapi import paths

DOCUMENT = {"openapi": "3.1.0", "info": {"title": "FHIR", "version": "1"}, "paths": paths("/fhir/R4")}
SCHEMA = schemathesis.openapi.from_dict(DOCUMENT)
OPERATIONS = {f"{one.ok().method} {one.ok().path}": one.ok() for one in SCHEMA.get_all_operations()}


MODES = [(name, mode) for name in sorted(OPERATIONS) for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE)]


@pytest.mark.parametrize(("name", "mode"), [pair for pair in MODES if pair != ("get /fhir/R4/metadata", GenerationMode.NEGATIVE)])
def test_no_call_breaks_the_server(fhir_url: str, name: str, mode: GenerationMode) -> None:
    operation = OPERATIONS[name]

    @settings(max_examples=12, derandomize=True, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(case=operation.as_strategy(generation_mode=mode))
    def calls(case: schemathesis.Case) -> None:
        response = case.call(base_url=fhir_url.removesuffix("/fhir/R4"))
        assert response.status_code < 500, response.text
        if response.status_code >= 400:
            assert b"OperationOutcome" in response.content

    calls()
    assert httpx.get(f"{fhir_url}/metadata", timeout=30).status_code == 200
