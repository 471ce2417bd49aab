"""What is written reads back to the same samples, and other libraries read it too."""

from __future__ import annotations

import io
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path

import ecg_made as made
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.ecg import Recording, read
from adapters.ecg.recording import Device, Filters, Measurement, Median, Patient, Statement, physical
from adapters.ecg.write import WRITERS, Written, write
from engine.fault import Fault

FORMATS = tuple(WRITERS)
HONEST_TEXT = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Zl", "Zp"]), max_size=20).map(str.strip)


def recording(
    rows: np.ndarray, scale: str = "2.5", rate: float = 500.0, leads: tuple[str, ...] = (), **rest: object
) -> Recording:
    step = Decimal(scale)
    names = leads or made.STANDARD[: len(rows)]
    return Recording(
        "made",
        names,
        np.array([physical(row, step) for row in rows]),
        rate,
        scale=(step,) * len(rows),
        origin=(Decimal(0),) * len(rows),
        **rest,
    )  # type: ignore[arg-type]


def back(written: Written | Fault) -> Recording:
    assert isinstance(written, Written), written
    found = read(written.body, beside=written.files)
    assert isinstance(found, Recording), found
    return found


@pytest.mark.parametrize("format", FORMATS)
@given(
    rows=st.integers(1, 12).flatmap(
        lambda n: st.lists(st.lists(st.integers(-6000, 6000), min_size=5, max_size=5), min_size=n, max_size=n)
    ),
    scale=st.sampled_from(["1", "2.5", "4.88", "5", "0.61", "1.25"]),
    rate=st.sampled_from([125.0, 250.0, 500.0, 1000.0]),
)
def test_samples_survive_writing_and_reading_bit_for_bit(format: str, rows: list[list[int]], scale: str, rate: float) -> None:
    one = recording(np.array(rows), scale, rate)
    again = back(write(one, format))
    assert np.array_equal(again.samples, one.samples)
    assert (again.leads, again.rate) == (one.leads, one.rate)


@pytest.mark.parametrize("format", FORMATS)
def test_patient_time_device_and_findings_survive_where_the_format_has_a_place(format: str) -> None:
    start = datetime(2024, 2, 29, 23, 59, 58, tzinfo=timezone(timedelta(hours=-5)))
    one = recording(
        made.tracing(), start=start, patient=Patient("P^1", "1.2.3", "", "Müller & <Söhne>", "Ada", "1950-12-31", "female"),
        device=Device("Maker", "Model", "S1", "2.0"), filters=Filters(0.05, 150.0, 60.0), statements=(Statement("Sinus rhythm & <more>"),),
        measurements=(Measurement("pr", Decimal(160), "ms"), Measurement("qrs", Decimal(90), "ms"), Measurement("qrs_axis", Decimal(-30), "deg")),
        median=Median(made.STANDARD, physical(made.tracing(length=300), Decimal("2.5")), 500.0), order="A-7",
    )  # fmt: skip
    again = back(write(one, format))
    if format in ("aecg", "dicom", "scp"):
        assert again.start == start
        assert again.start.utcoffset() == timedelta(hours=-5)
        assert (again.patient.family, again.patient.birth_date, again.patient.sex) == ("Müller & <Söhne>", "1950-12-31", "female")
        assert [said.text for said in again.statements] == ["Sinus rhythm & <more>"]
        assert {(number.name, int(number.value)) for number in again.measurements} >= {
            ("pr", 160),
            ("qrs", 90),
            ("qrs_axis", -30),
        }
        assert again.filters == one.filters
    if format == "aecg":
        assert again.median is not None
        assert np.array_equal(again.median.samples, one.median.samples)  # type: ignore[union-attr]
    if format == "fhir":
        assert again.start == start


@pytest.mark.parametrize("format", ["aecg", "dicom", "scp"])
def test_a_time_without_zone_stays_without_one(format: str) -> None:
    again = back(write(recording(made.tracing(), start=datetime(2024, 1, 2, 3, 4, 5)), format))
    assert again.start == datetime(2024, 1, 2, 3, 4, 5)
    assert again.start.tzinfo is None


@pytest.mark.parametrize("format", ["dicom", "wfdb", "csv", "fhir"])
def test_gaps_survive_where_the_format_can_say_so(format: str) -> None:
    one = recording(made.tracing(3))
    one.samples[1, 100:200] = np.nan
    assert np.array_equal(back(write(one, format)).samples, one.samples, equal_nan=True)


@pytest.mark.parametrize("format", ["aecg", "scp"])
def test_gaps_are_never_filled_with_zeros(format: str) -> None:
    one = recording(made.tracing(3))
    one.samples[1, 100:200] = np.nan
    fault = write(one, format)
    assert isinstance(fault, Fault)
    assert fault.code == "E161"


@pytest.mark.parametrize("format", FORMATS)
@given(values=st.lists(st.floats(-5000, 5000, width=32), min_size=4, max_size=40))
def test_real_amplitudes_are_kept_or_rounded_to_fine_steps_with_a_warning(format: str, values: list[float]) -> None:
    one = Recording("made", ("I",), np.array([values], dtype=np.float32), 500.0)
    written = write(one, format)
    again = back(written)
    assert isinstance(written, Written)
    exact = np.array_equal(again.samples, one.samples)
    assert exact or written.warnings
    assert np.abs(again.samples - one.samples).max() <= (0 if format in ("csv", "fhir") else 0.51)


@pytest.mark.parametrize("format", ["aecg", "csv", "dicom", "fhir"])
@given(lead=HONEST_TEXT, name=HONEST_TEXT)
def test_odd_names_never_break_a_file(format: str, lead: str, name: str) -> None:
    one = recording(made.tracing(1, 20), leads=(f"X{lead}",), patient=Patient(id=name, family=name), comment=name)
    written = write(one, format)
    if isinstance(written, Written):
        assert np.array_equal(back(written).samples, one.samples)


def test_pydicom_reads_our_dicom() -> None:
    pydicom = pytest.importorskip("pydicom")
    one = recording(made.tracing(), start=datetime(2024, 1, 2, 3, 4, 5))
    written = write(one, "dicom")
    assert isinstance(written, Written)
    data = pydicom.dcmread(io.BytesIO(written.body))
    assert data.SOPClassUID.name == "12-lead ECG Waveform Storage"
    assert np.array_equal(data.waveform_array(0).T.astype(np.float32), one.samples)


def test_the_wfdb_package_reads_our_record(tmp_path: Path) -> None:
    wfdb = pytest.importorskip("wfdb")
    one = recording(made.tracing(), start=datetime(2024, 1, 2, 3, 4, 5))
    written = write(one, "wfdb", "rec1")
    assert isinstance(written, Written)
    for name, data in written.files.items():
        (tmp_path / name).write_bytes(data)
    record = wfdb.rdrecord(str(tmp_path / "rec1"))
    assert np.abs(record.p_signal.T * 1000 - one.samples).max() < 0.001
    assert str(record.base_date) == "2024-01-02"


@pytest.mark.parametrize(
    ("rows", "rate", "leads"),
    [(made.tracing(1, 40_000), 500.0, ()), (made.tracing(1), 360.0, ()), (made.tracing(1), 500.0, ("MLII",))],
)
def test_what_scp_cannot_hold_is_refused(rows: np.ndarray, rate: float, leads: tuple[str, ...]) -> None:
    fault = write(recording(rows, rate=rate, leads=leads), "scp")
    assert isinstance(fault, Fault)
    assert fault.code == "E161"


@pytest.mark.parametrize(
    ("age", "text", "tag"),
    [("46 a", "046Y", b"\x04\x03\x00\x2e\x00\x01"), ("7 mo", "007M", b"\x04\x03\x00\x07\x00\x02"), ("3 wk", "003W", b"\x04\x03\x00\x03\x00\x03"),
     ("about 50", "", b""), ("-3 a", "", b"")],
)  # fmt: skip
def test_ages_are_written_where_a_format_has_a_place_for_them(age: str, text: str, tag: bytes) -> None:
    pydicom = pytest.importorskip("pydicom")
    one = recording(made.tracing(length=50), patient=Patient(age=age))
    dicom, scp = write(one, "dicom"), write(one, "scp")
    assert not isinstance(dicom, Fault) and not isinstance(scp, Fault)
    assert (pydicom.dcmread(io.BytesIO(dicom.body)).get("PatientAge") or "") == text
    assert tag in scp.body
    assert read_again(scp.body) == (age if tag else "")


def read_again(body: bytes) -> str:
    found = read(body)
    assert isinstance(found, Recording)
    return found.patient.age
