"""A recording as FHIR resources: valid, exact, the same each time."""

from __future__ import annotations

import base64
import hashlib
import json
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import ecg_made as made
import numpy as np
import pytest

from adapters.ecg import Recording, read
from adapters.ecg.fhir_parts import Context, Source
from adapters.ecg.measures import BY_NAME
from adapters.ecg.resources import resources
from fhir.encode import dumps
from fhir.validate import validate

RECEIVED = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
MEASURED = {
    "measurements": [
        {"name": "QTc_Fridericia", "value": 431.6, "unit": "ms", "method": "QT / RR^1/3", "sure": 0.9, "lead": ""},
        {"name": "heart_rate", "value": 72.4, "unit": "/min", "method": "60 s over the mean", "sure": 1.0, "lead": ""},
        {"name": "ST_J60", "value": -12.0, "unit": "uV", "method": "median beat", "sure": 0.8, "lead": "V2"},
        {"name": "QRS", "value": 92.0, "unit": "ms", "method": "median beat", "sure": 0.8, "lead": "V2"},
    ]
}


def built(body: bytes, **rest: Any) -> list[dict[str, Any]]:
    one = read(body)
    assert isinstance(one, Recording)
    source = Source(hashlib.sha256(body).hexdigest(), body, "application/xml")
    return resources(
        one,
        source,
        rest.pop("context", Context(RECEIVED, version="1.0")),
        rest.pop("measured", MEASURED),
        {"application/pdf": b"%PDF"},
    )


def of(found: list[dict[str, Any]], type: str) -> list[dict[str, Any]]:
    return [one for one in found if one["resourceType"] == type]


@pytest.mark.parametrize(
    "name", ["hl7_aecg/hl7_Example_aECG.xml", "sierra/3191723_ZZDEMOPTONLY_1-04_orig.xml", "scp/ecgtoolkit_Example.scp"]
)
def test_the_resources_of_real_recordings_are_valid_r4(shared_data: Path, name: str) -> None:
    for one in built((shared_data / "ecg_formats" / name).read_bytes()):
        assert validate(json.loads(dumps(one))) == []


def test_the_samples_come_back_bit_for_bit() -> None:
    body = made.muse(made.tracing(8, 1000), made.tracing(8, 600))
    one = read(body)
    assert isinstance(one, Recording)
    tracing = next(found for found in of(built(body), "Observation") if found["code"]["text"] == "ECG tracing")
    again = read(dumps(tracing))
    assert isinstance(again, Recording)
    assert np.array_equal(again.samples, one.samples)
    assert again.rate == one.rate
    data = tracing["component"][0]["valueSampledData"]
    assert (str(data["factor"]), str(data["period"]), str(data["origin"]["value"]), data["dimensions"]) == ("4.88", "2", "0", 1)
    assert tracing["component"][0]["code"]["coding"][0]["code"] == "131329"


def test_the_same_file_gives_the_same_resources() -> None:
    body = made.cardiosoft(made.tracing())
    first, second = built(body), built(body)
    assert [dumps(one) for one in first] == [dumps(one) for one in second]
    assert len({(one["resourceType"], one["id"]) for one in first}) == len(first)
    other = built(made.cardiosoft(made.tracing(seed=2)))
    shared = {one["id"] for one in first} & {one["id"] for one in other}
    assert shared == {one["id"] for one in of(first, "Device")}


def test_the_report_holds_statements_results_and_the_drawing() -> None:
    body = made.muse(made.tracing(8, 1000), made.tracing(8, 600))
    found = built(body)
    (report,) = of(found, "DiagnosticReport")
    assert report["category"][0]["coding"][0]["code"] == "EC"
    assert report["code"]["coding"][0]["code"] == "11524-6"
    assert report["conclusion"] == "Normal sinus rhythm\nOtherwise normal ECG"
    assert base64.b64decode(report["presentedForm"][0]["data"]) == b"%PDF"
    known = {f"{one['resourceType']}/{one['id']}" for one in found}
    assert {result["reference"] for result in report["result"]} <= known
    (binary,) = of(found, "Binary")
    assert base64.b64decode(binary["data"]) == body
    (provenance,) = of(found, "Provenance")
    assert {target["reference"] for target in provenance["target"]} == known - {f"Provenance/{provenance['id']}"}
    assert provenance["entity"][0]["what"]["reference"] == f"Binary/{binary['id']}"


def test_measurements_carry_codes_units_and_who_measured() -> None:
    found = built(made.muse(made.tracing(8, 1000), made.tracing(8, 600)))
    devices = {one["id"]: one["deviceName"][0]["name"] for one in of(found, "Device")}
    numbers = [one for one in of(found, "Observation") if "valueQuantity" in one]
    codes = {(devices[one["device"]["reference"][7:]], coding["code"]) for one in numbers for coding in one["code"]["coding"]}
    assert ("MAC55", "8633-0") in codes  # QRS duration of the recorder
    assert ("MAC55", "139008") in codes
    assert ("Isthmus ECG measurement", "146964") in codes  # QTc by Fridericia, ours
    ours = next(one for one in numbers if one["code"]["text"] == "QTc (Fridericia)")
    assert (str(ours["valueQuantity"]["value"]), ours["valueQuantity"]["code"], ours["method"]["text"]) == (
        "431.6",
        "ms",
        "QT / RR^1/3",
    )
    assert ours["derivedFrom"]
    (lead,) = [one for one in of(found, "Observation") if one["code"].get("text") == "Measurements of lead V2"]
    assert [str(part["valueQuantity"]["value"]) for part in lead["component"]] == ["-12", "92"]


def test_a_time_without_zone_is_a_day_unless_the_site_knows_its_zone() -> None:
    body = made.cardiosoft(made.tracing())
    assert {one["effectiveDateTime"] for one in of(built(body), "Observation")} == {"2019-11-03"}
    local = Context(RECEIVED, zone=timezone(timedelta(hours=2)))
    assert {one["effectiveDateTime"] for one in of(built(body, context=local), "Observation")} == {"2019-11-03T09:05:07+02:00"}


def test_the_subject_is_the_callers_or_the_files_identifier() -> None:
    body = made.cardiosoft(made.tracing())
    assert of(built(body), "DiagnosticReport")[0]["subject"] == {"type": "Patient", "identifier": {"value": "C-3"}}
    known = Context(RECEIVED, subject={"reference": "Patient/p1"})
    assert all(one["subject"] == {"reference": "Patient/p1"} for one in built(body, context=known) if "subject" in one)


def test_nothing_is_said_of_what_was_not_measured() -> None:
    found = built(made.cardiosoft(made.tracing()), measured=None)
    assert [one.get("manufacturer") for one in of(found, "Device")] == ["GE Healthcare"]
    assert not [one for one in of(found, "Observation") if "component" in one and "valueQuantity" in one]


def test_loinc_codes_are_those_of_a_published_ecg_result() -> None:
    """What HAPI's and nHapi's sample of a hospital's ORF^R04 calls PR INTERVAL … FRONTAL AXIS T."""
    sample = {"pr": "8625-6", "qrs": "8633-0", "qt": "8634-8", "qtc": "8636-3"}
    sample |= {"p_axis": "8626-4", "qrs_axis": "8632-2", "t_axis": "8638-9"}
    assert {name: BY_NAME[name].loinc for name in sample} == sample
