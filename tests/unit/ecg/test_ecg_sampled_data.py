"""FHIR's SampledData: in one Observation or in several, in a Bundle, as JSON and as XML."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone

import numpy as np
from ecg_read_back import ROWS, good

from adapters.ecg import read
from engine.fault import Fault


def observation(rows: np.ndarray) -> dict[str, object]:
    def component(code: int, row: np.ndarray) -> dict[str, object]:
        return {
            "code": {"coding": [{"system": "urn:iso:std:iso:11073:10101", "code": str(code)}]},
            "valueSampledData": {
                "origin": {"value": 2048, "unit": "uV"}, "period": 4, "factor": 1.612, "dimensions": 1,
                "data": " ".join(map(str, row)),
            },
        }  # fmt: skip

    return {
        "resourceType": "Observation", "status": "final", "code": {"text": "ECG"}, "effectiveDateTime": "2015-02-19T09:30:35+01:00",
        "component": [component(code, row) for code, row in zip((131329, 131330, 131389), rows, strict=False)],
    }  # fmt: skip


def test_fhir_sampled_data_reads_origin_factor_and_period() -> None:
    one = good(json.dumps(observation(ROWS[:3])).encode())
    assert (one.leads, one.rate) == (("I", "II", "III"), 250.0)
    assert np.array_equal(one.samples, (ROWS[:3] * 1.612 + 2048).astype(np.float32))
    assert one.start == datetime(2015, 2, 19, 9, 30, 35, tzinfo=timezone(timedelta(hours=1)))
    packed = {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": observation(ROWS[:3])}]}
    assert np.array_equal(good(json.dumps(packed).encode()).samples, one.samples)


def test_fhir_marks_of_missing_samples_are_gaps() -> None:
    body = observation(ROWS[:1])
    body["component"][0]["valueSampledData"]["data"] = "1 E 2 U 3 L"  # type: ignore[index]
    one = good(json.dumps(body).encode())
    assert list(np.isnan(one.samples[0])) == [False, True, False, True, False, True]


def test_observations_of_one_lead_each_in_a_bundle_are_one_recording() -> None:
    whole = observation(ROWS[:2])
    parts = [{**whole, **part, "component": []} for part in whole["component"]]  # type: ignore[dict-item, attr-defined]
    other = {**parts[0], "effectiveDateTime": "2016-01-01"}

    def bundle(*held: object) -> bytes:
        return json.dumps({"resourceType": "Bundle", "type": "collection", "entry": [{"resource": one} for one in held]}).encode()

    one = good(bundle({"resourceType": "Patient"}, *parts))
    assert one.leads == ("I", "II")
    assert np.array_equal(one.samples, good(json.dumps(whole).encode()).samples)
    assert one.warnings == ()
    two = good(bundle(*parts, other))
    assert np.array_equal(two.samples, one.samples)
    assert two.warnings == ("the bundle holds several recordings; the first one is read",)
    assert good(bundle(whole, whole)).warnings == two.warnings


def test_fhir_xml_reads_as_its_json() -> None:
    body = observation(ROWS[:1])
    data = body["component"][0]["valueSampledData"]  # type: ignore[index]
    xml = (
        '<Observation xmlns="http://hl7.org/fhir"><status value="final"/><code><text value="ECG"/></code>'
        '<effectiveDateTime value="2015-02-19T09:30:35+01:00"/><component><code><coding>'
        '<system value="urn:iso:std:iso:11073:10101"/><code value="131329"/></coding></code><valueSampledData><origin>'
        '<value value="2048"/><unit value="uV"/></origin><period value="4"/><factor value="1.612"/><dimensions value="1"/>'
        f'<data value="{data["data"]}"/></valueSampledData></component></Observation>'
    )
    one, other = good(xml.encode()), good(json.dumps(body).encode())
    assert np.array_equal(one.samples, other.samples)
    assert (one.leads, one.rate, one.start, one.scale) == (other.leads, other.rate, other.start, other.scale)
    broken = read(xml.replace("valueSampledData>", "valueSample>").encode())
    assert isinstance(broken, Fault)
