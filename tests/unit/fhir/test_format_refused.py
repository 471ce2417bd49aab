"""Documents that are no resources, and paths that are none."""

from __future__ import annotations

import pytest

from engine.fault import Fault
from fhir.format import Fhir


@pytest.mark.parametrize("body", [b"{}", b"[]", b"17", b'{"resourceType": 17}', b'{"resourceType": null}'])
def test_a_document_that_is_no_resource_is_refused(body: bytes) -> None:
    found = Fhir().parse(body)
    assert isinstance(found, Fault)
    assert found.code in ("E526", "E501")


def test_an_object_without_a_type_is_no_resource() -> None:
    found = Fhir().parse(b"{}")
    assert isinstance(found, Fault)
    assert found.code == "E526"


@pytest.mark.parametrize("text", ["", "a b", "name..family", "name[", "1name"])
def test_a_path_that_is_none_is_refused(text: str) -> None:
    found = Fhir().path(text, "Patient", "")
    assert isinstance(found, Fault)
    assert found.code == "E527"
