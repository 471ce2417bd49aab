"""WFDB, EDF and FHIR as other tools write them, where it differs from the formats' descriptions."""

from __future__ import annotations

import io
import json
import zipfile
from typing import Any

import ecg_made as made
import numpy as np
import pytest

from adapters.ecg import Recording, read
from adapters.ecg.recording import Patient
from engine.fault import Fault

ROWS = made.tracing(2, 500)
DATA = ROWS.T.astype("<i2").tobytes()
HEADER = "r 2 500 500\nr.dat 16 200/mV 16 0 0 0 0 I\nr.dat 16 200/mV 16 0 0 0 0 II\n"


def good(body: bytes, files: dict[str, bytes] | None = None) -> Recording:
    found = read(body, beside=files or {})
    assert isinstance(found, Recording), found
    return found


@pytest.mark.parametrize("mark", ["", "\ufeff", "#note\n"])
@pytest.mark.parametrize("name", ["r.dat", "R.DAT"])
def test_a_wfdb_record_of_another_system_is_read(mark: str, name: str) -> None:
    one = good((mark + HEADER).encode(), {name: DATA})
    assert np.array_equal(one.samples, (ROWS * 5.0).astype(np.float32))
    assert one.warnings == ("a signal's checksum is wrong",)  # said once


@pytest.mark.parametrize(
    ("notes", "age", "sex"),
    [
        ("#Age: 51\n#Sex: Female\n#Dx: 426783006\n", "51 a", "female"),
        ("# Age: NaN\n# Gender: M\n", "", "male"),
        ("#<age>: 51 <sex>: F <diagnoses> x\n", "51 a", "female"),
        ("#69 M 1085 1629 x1\n", "69 a", "male"),
    ],
)
def test_who_a_wfdb_record_is_of_stands_in_its_comments(notes: str, age: str, sex: str) -> None:
    assert good((HEADER + notes).encode(), {"r.dat": DATA}).patient == Patient(age=age, sex=sex)


def test_an_edf_whose_patient_is_not_known_is_of_nobody() -> None:
    assert good(made.edf(ROWS, plus=False)).patient == Patient()


PERSON = {
    "resourceType": "Patient", "id": "p", "identifier": [{"system": "urn:h", "value": "7"}], "gender": "female", "birthDate": "1970-01-31",
    "name": [{"family": "Jäger", "given": ["Eva", "Maria"]}],
}  # fmt: skip
KNOWN = Patient(id="7", authority="urn:h", family="Jäger", given="Eva Maria", birth_date="1970-01-31", sex="female")


def observation(reference: str, **more: Any) -> dict[str, Any]:
    data = {"origin": {"value": 0, "unit": "uV"}, "period": 2, "dimensions": 1, "data": "1 2 3"}
    return {
        "resourceType": "Observation", "status": "final", "code": {"text": "I"}, "subject": {"reference": reference},
        "valueSampledData": data, **more,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("body", "patient"),
    [
        (observation("#p", contained=[{"resourceType": "Device", "id": "d"}, PERSON]), KNOWN),
        (observation("#q", contained=[PERSON]), Patient()),
        (
            {"resourceType": "Bundle", "entry": [{"fullUrl": "urn:uuid:1", "resource": PERSON}, {"resource": observation("urn:uuid:1")}]},
            KNOWN,
        ),
        ({"resourceType": "Bundle", "entry": [{"resource": PERSON}, {"resource": observation("Patient/p")}]}, KNOWN),
        ({"resourceType": "Bundle", "entry": [{"resource": PERSON}, {"resource": observation("Patient/other")}]}, Patient()),
        ({"resourceType": "Bundle", "entry": [{"resource": {**PERSON, "name": [3], "identifier": "x"}}, {"resource": observation("Patient/p")}]},
         Patient(birth_date="1970-01-31", sex="female")),
    ],
)  # fmt: skip
def test_the_patient_that_an_observation_leads_to_within_the_file_is_read(body: dict[str, Any], patient: Patient) -> None:
    assert good(json.dumps(body).encode()).patient == patient


def archive(*files: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as held:
        for number, file in enumerate(files):
            held.writestr(f"f{number}", file)
    return out.getvalue()


def test_of_an_archive_the_file_that_is_an_ecg_is_read() -> None:
    one, page = made.aecg(ROWS), b"%PDF-1.4"
    alone, several = good(archive(page, one)), good(archive(page, one, made.aecg(ROWS[:1])))
    assert np.array_equal(alone.samples, (ROWS * 2.5).astype(np.float32))
    assert alone.warnings == ()
    assert np.array_equal(several.samples, alone.samples)
    assert several.warnings == ("the archive holds several records; the first one is read",)
    for none in (archive(page, page), archive(page, archive(one))):
        assert isinstance(read(none), Fault)


@pytest.mark.parametrize(("unit", "interval", "rate"), [("ms", 4, 250), ("us", 2000, 500), ("s", 0.01, 100), ("h", 1, 0)])
def test_sampled_data_of_r5_tell_their_interval(unit: str, interval: float, rate: float) -> None:
    body = observation("Patient/p")
    del body["valueSampledData"]["period"]
    body["valueSampledData"] |= {"interval": interval, "intervalUnit": unit}
    found = read(json.dumps(body).encode())
    assert found.code == "E154" if isinstance(found, Fault) else found.rate == rate


@pytest.mark.parametrize(
    ("named", "charset", "name"),
    [("UNICODE UTF-8", "utf-8", "Jäger"), ("8859/1", "latin-1", "Jäger"), ("", "latin-1", "Jäger"), ("8859/5", "iso8859-5", "Иванов"),
     ("GB 18030-2000", "gb18030", "王"), ("8859/99", "latin-1", "Jäger")],
)  # fmt: skip
def test_the_name_of_a_waveform_message_is_in_the_character_set_that_it_names(named: str, charset: str, name: str) -> None:
    head = f"MSH|^~\\&|M|I|E|H|2024||ORU^W01|1|P|2.6||||||{named}\rPID|1||7||{name}^Eva\rOBR|1\r"
    body = head + "OBX|1|CD|CHN||1&I^^0.5&uV^1&0&0^500\rOBX|2|NA|WAV||1^2^3\r"
    assert good(body.encode(charset)).patient.family == name
