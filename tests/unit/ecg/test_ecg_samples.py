"""Every public sample file reads to the leads, rate and amplitudes it is known for."""

from __future__ import annotations

import io
import zipfile
from datetime import datetime
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest

from adapters.ecg import Recording, read
from adapters.ecg.leads import STANDARD
from engine.fault import Fault

SAMPLES = (
    "hl7_aecg/hl7_Example_aECG.xml", "dicom/ecgtoolkit_Example.dcm", "scp/ecgtoolkit_Example.scp",
    "sierra/129DYPRG.XML", "sierra/3191723_ZZDEMOPTONLY_1-04_orig.xml", "hl7_aecg/fda_minimum_aecg.xml",
)  # fmt: skip


@pytest.fixture(scope="module")
def recordings(shared_data: Path) -> dict[str, Recording]:
    found = {name: read((shared_data / "ecg_formats" / name).read_bytes()) for name in SAMPLES}
    assert not [fault for fault in found.values() if isinstance(fault, Fault)]
    return {name: one for name, one in found.items() if isinstance(one, Recording)}


def test_one_recording_reads_equal_as_aecg_dicom_and_scp(recordings: dict[str, Recording]) -> None:
    aecg, dicom, scp = (recordings[name] for name in SAMPLES[:3])
    for one in (aecg, dicom, scp):
        assert (one.leads, one.samples.shape, one.rate) == (STANDARD, (12, 5000), 500.0)
        assert one.start == datetime(2002, 11, 22, 9, 10)
        assert one.start.tzinfo is None
        assert (one.patient.id, one.patient.birth_date, one.patient.sex) == ("SBJ-123", "1953-05-08", "male")
        assert set(one.scale) == {Decimal("2.5")}
        measured = {number.name: int(number.value) for number in one.measurements}
        wanted = {"pr": 148, "qrs": 120, "qt": 420, "qtc": 443, "p_axis": 44, "qrs_axis": -61, "t_axis": 86}
        assert {name: measured[name] for name in wanted} == wanted
        assert not one.warnings
    assert np.array_equal(aecg.samples, dicom.samples)
    assert np.array_equal(aecg.samples, scp.samples)
    assert list(aecg.samples[0, :6]) == [-5, -5, -5, -5, -7.5, -10]  # the first digits of lead I in the file, times 2.5 µV


def test_the_representative_beat_and_its_marks_are_read(recordings: dict[str, Recording]) -> None:
    aecg, _, scp = (recordings[name] for name in SAMPLES[:3])
    assert aecg.median is not None
    assert scp.median is not None
    assert aecg.median.samples.shape == (12, 599)
    assert np.array_equal(aecg.median.samples[aecg.median.leads.index("V3")], scp.median.samples[scp.median.leads.index("V3")])
    first = {mark.label: (mark.start, mark.end) for mark in aecg.annotations[:4]}
    assert first["P"] == (61, 112)  # 122 ms to 224 ms at 500 Hz
    assert first["QRS"] == (135, 195)


def test_the_smallest_aecg_is_one_lead_of_thirteen_samples(recordings: dict[str, Recording]) -> None:
    one = recordings["hl7_aecg/fda_minimum_aecg.xml"]
    assert (one.leads, one.samples.shape, one.rate) == (("II",), (1, 13), 500.0)
    assert list(one.samples[0]) == [2.5 * n for n in (-2, -2, -2, -2, -3, -4, -3, -5, -5, -4, -6, -9, -9)]


@pytest.mark.parametrize(
    ("name", "rate", "pulse"), [("sierra/129DYPRG.XML", 41, 5264), ("sierra/3191723_ZZDEMOPTONLY_1-04_orig.xml", 84, 5300)]
)
def test_sierra_leads_hold_einthoven_and_are_plausible(
    recordings: dict[str, Recording], name: str, rate: int, pulse: int
) -> None:
    one = recordings[name]
    assert (one.leads, one.samples.shape, one.rate, set(one.scale)) == (STANDARD, (12, 5500), 500.0, {Decimal(5)})
    i, ii, iii, avr, avl, avf = one.samples[:6, :pulse]
    assert np.abs(ii - i - iii).max() <= 10  # two steps of 5 µV
    assert np.abs(avr + (i + ii) / 2).max() <= 10
    assert np.abs(avl - (i - iii) / 2).max() <= 10
    assert np.abs(avf - (ii + iii) / 2).max() <= 10
    assert ((np.ptp(one.samples[:, :pulse], axis=1) > 300) & (np.ptp(one.samples[:, :pulse], axis=1) < 6000)).all()
    assert {number.name: int(number.value) for number in one.measurements}["heart_rate"] == rate
    assert [(mark.label, mark.start) for mark in one.annotations] == [("calibration", pulse)]


def test_sierra_agrees_with_the_beats_its_device_averaged(recordings: dict[str, Recording]) -> None:
    one = recordings["sierra/3191723_ZZDEMOPTONLY_1-04_orig.xml"]
    assert one.median is not None
    for lead in STANDARD:
        beat = one.median.samples[one.median.leads.index(lead)]
        tracing = one.lead(lead)
        assert tracing is not None
        assert np.nanmax(np.abs(beat)) == pytest.approx(
            np.abs(tracing[:5000] - np.median(tracing[:5000])).max(), rel=0.6, abs=100
        )
    assert [said.code for said in one.statements] == ["SR", "LVHCNP", "STELVH", "AB"]
    assert (one.patient.family, one.patient.birth_date, one.device.model) == ("ZZDEMOPTONLY", "1950-01-01", "PageWriter Touch")


def test_the_scp_whose_sizes_disagree_gets_a_fault(shared_data: Path) -> None:
    found = read((shared_data / "ecg_formats/scp/healforce_62.SCP").read_bytes())
    assert isinstance(found, Fault)
    assert found.code == "E158"


def record(folder: Path, name: str) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.glob(f"{name}.*")}


@pytest.mark.parametrize(("folder", "name"), [("mitdb", "101"), ("mitdb", "108"), ("ludb", "1"), ("ludb", "101")])
def test_wfdb_records_read_as_the_reference_library_reads_them(shared_data: Path, folder: str, name: str) -> None:
    wfdb = pytest.importorskip("wfdb")
    files = record(shared_data / folder, name)
    one = read(files[f"{name}.hea"], beside=files)
    assert isinstance(one, Recording)
    oracle = wfdb.rdrecord(str(shared_data / folder / name))
    assert one.rate == oracle.fs
    assert [lead.lower() for lead in one.leads] == [lead.lower() for lead in oracle.sig_name]
    assert np.abs(one.samples.T - oracle.p_signal * 1000).max() < 0.001
    if folder == "mitdb":
        marks = wfdb.rdann(str(shared_data / folder / name), "atr")
        assert [(mark.start, mark.label) for mark in one.annotations] == list(zip(marks.sample, marks.symbol, strict=True))
    else:
        marks = wfdb.rdann(str(shared_data / folder / name), "v2")
        waves = [mark for mark in one.annotations if mark.lead == "V2"]
        assert len(waves) == sum(symbol not in "()" for symbol in marks.symbol)
        assert {mark.start for mark in waves if mark.end} <= set(marks.sample)


def test_a_zipped_wfdb_record_reads_like_its_files(shared_data: Path) -> None:
    files = record(shared_data / "ludb", "1")
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(f"deep/../{name}", data)
    alone, zipped = read(files["1.hea"], beside=files), read(packed.getvalue())
    assert isinstance(alone, Recording)
    assert isinstance(zipped, Recording)
    assert np.array_equal(alone.samples, zipped.samples)
    assert len(zipped.annotations) == len(alone.annotations) > 100
