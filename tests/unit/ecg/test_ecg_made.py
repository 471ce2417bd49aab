"""Formats without a public sample: files made from the written facts read back to the samples they were made of."""

from __future__ import annotations

import json
import struct
import time
import zlib
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path

import ecg_made as made
import numpy as np
import pytest

from adapters.ecg import Recording, read
from engine.fault import Fault

ROWS = made.tracing()


def good(body: bytes, **beside: dict[str, bytes]) -> Recording:
    found = read(body, **beside)
    assert isinstance(found, Recording), found
    return found


def same(one: Recording, rows: np.ndarray, step: float, origin: float = 0) -> None:
    assert one.leads == made.STANDARD[: len(rows)]
    assert one.samples.dtype == np.float32
    assert np.array_equal(one.samples, (rows * step + origin).astype(np.float32))


def test_muse_reads_eight_leads_and_derives_four() -> None:
    rows, median = made.tracing(8, 5000), made.tracing(8, 600)
    one = good(made.muse(rows, median))
    assert (one.leads, one.samples.shape, one.rate) == (made.STANDARD, (12, 5000), 500.0)
    i, ii = rows[0], rows[1]
    wanted = {"I": i, "II": ii, "III": ii - i, "aVR": -(i + ii) / 2, "aVL": i - ii / 2, "aVF": ii - i / 2, "V6": rows[7]}
    for lead, steps in wanted.items():
        assert one.lead(lead) == pytest.approx(steps * 4.88, abs=0.001)
    assert one.median is not None
    assert one.median.samples.shape == (12, 600)
    assert one.start == datetime(2023, 3, 4, 14, 5, 6)
    assert (one.patient.family, one.patient.birth_date, one.patient.sex, one.patient.age) == (
        "Jäger",
        "1961-02-28",
        "female",
        "61 a",
    )
    measured = {number.name: (number.value, number.unit) for number in one.measurements}
    assert measured["qrs_axis"] == (Decimal(-12), "deg")
    assert measured["p_duration"] == (Decimal(100), "ms")  # 50 samples of the median at 500 Hz
    assert [said.text for said in one.statements] == ["Normal sinus rhythm", "Otherwise normal ECG"]


def test_muse_rate_is_base_times_ten_to_the_exponent() -> None:
    assert good(made.muse(made.tracing(8, 500), made.tracing(8, 60), base=25, exponent=1)).rate == 250.0


def test_of_several_rhythms_in_a_muse_file_the_first_one_is_read() -> None:
    first, second = (made.muse(rows[:8, :500], rows[:8, :300]).decode("latin-1") for rows in (ROWS, ROWS + 1))
    both = first.replace(
        "</RestingECG>", second[second.rindex("<Waveform>") : second.rindex("</Waveform>") + 11] + "</RestingECG>"
    )
    one = good(both.encode("latin-1"))
    assert np.array_equal(one.samples, good(first.encode("latin-1")).samples)
    assert one.warnings == ("the file holds several waveforms of a kind; the first one is read",)


@pytest.mark.parametrize(("step", "unit"), [("0.002", "S"), ("2", "MSEC"), ("2000", "µs")])
def test_aecg_increments_in_other_spellings_of_their_unit(step: str, unit: str) -> None:
    plain = made.aecg(ROWS[:1]).decode()
    assert (
        good(plain.replace('<increment value="0.002" unit="s"/>', f'<increment value="{step}" unit="{unit}"/>').encode()).rate
        == 500
    )


def test_an_aecg_of_a_representative_beat_alone_is_that_beat() -> None:
    one = good(made.aecg(ROWS[:2]).replace(b"'RHYTHM'", b"'REPRESENTATIVE_BEAT'"))
    same(one, ROWS[:2], 2.5)
    assert one.median is None
    assert one.warnings == ("the file holds a representative beat only, and no rhythm",)


@pytest.mark.parametrize("charset", ["GB2312", "GBK", "gb18030", "Big5", "Shift_JIS", "EUC-KR"])
def test_aecg_in_the_charsets_of_east_asia(charset: str) -> None:
    name = {"EUC-KR": "김", "Shift_JIS": "山田", "Big5": "王"}.get(charset, "王")
    text = made.aecg(ROWS[:1], name).decode().replace("UTF-8", charset)
    one = good(text.encode(charset))
    assert one.patient.family == name
    assert np.array_equal(one.samples, good(made.aecg(ROWS[:1])).samples)


def test_mortara_eli_reads_offset_and_units_per_mv() -> None:
    one = good(made.mortara(ROWS))
    same(one, ROWS + 7, 2.5)
    assert (one.rate, one.start, one.patient.id, one.patient.sex) == (1000.0, datetime(2022, 1, 2, 3, 4, 5), "E-1", "male")
    assert one.measurements[0].value == 66


def test_schiller_reads_rate_with_exponent_and_unit_per_bit() -> None:
    one = good(made.schiller(ROWS))
    same(one, ROWS, 2.5)
    assert (one.rate, one.start, one.patient.birth_date) == (500.0, datetime(2021, 2, 3, 10, 11, 12), "1955-12-24")
    same(good(made.schiller(ROWS, per_bit="0.005", units="mV")), ROWS, 5)


def test_cardiosoft_reads_strip_data() -> None:
    one = good(made.cardiosoft(ROWS))
    same(one, ROWS, 5)
    assert (one.rate, one.start, one.patient.family) == (500.0, datetime(2019, 11, 3, 9, 5, 7), "Test")
    assert [(number.name, int(number.value)) for number in one.measurements] == [
        ("heart_rate", 58),
        ("pr", 170),
        ("qrs_axis", 20),
    ]


@pytest.mark.parametrize("version", ["1.03", "1.04", "1.04.01"])
@pytest.mark.parametrize("xli", [True, False])
def test_sierra_reads_plain_and_compressed(version: str, xli: bool) -> None:
    rows = made.tracing(length=700)
    one = good(made.sierra(rows, version, xli, "utf-8" if version == "1.03" else "utf-16"))
    same(one, rows, 5)
    assert one.start == datetime(2020, 5, 6, 7, 8, 9)


@pytest.mark.parametrize("order", [0, 1, 2])
@pytest.mark.parametrize("coded", [True, False])
def test_scp_reads_samples_and_differences_raw_and_huffman_coded(order: int, coded: bool) -> None:
    rows = made.tracing(height=2000)
    parts = {3: made.scp_leads(12, 1000), 6: made.scp_block(list(rows), order, coded)}
    if coded:
        parts[2] = struct.pack("<H", 19999)
    one = good(made.scp(parts))
    same(one, rows, 2.5)
    assert (one.rate, one.warnings) == (500.0, ())


def own_tables() -> tuple[bytes, object]:
    """Two tables of our own: the first knows 0 and ±1, switches to the second for one sample by `111`; the second has 16 bits."""

    def code(prefix: int, total: int, mode: int, value: int, bits: str) -> bytes:
        return struct.pack("<BBBhI", prefix, total, mode, value, int(bits[::-1], 2))

    first = [code(1, 1, 1, 0, "0"), code(2, 2, 1, 1, "10"), code(3, 3, 1, -1, "110"), code(3, 3, 0, 2, "111")]
    second = [code(1, 17, 1, 0, "0"), code(1, 1, 0, 1, "1")]
    section = struct.pack("<HH", 2, len(first)) + b"".join(first) + struct.pack("<H", len(second)) + b"".join(second)

    def encode(value: int) -> str:
        known = {0: "0", 1: "10", -1: "110"}
        return known[value] if value in known else "1110" + format(value & 0xFFFF, "016b") + "1"

    return section, encode


def test_scp_reads_own_huffman_tables_with_switches() -> None:
    section, encode = own_tables()
    rows = made.tracing(height=2000)
    parts = {2: section, 3: made.scp_leads(12, 1000), 6: made.scp_block(list(rows), 2, True, code=encode)}
    same(good(made.scp(parts)), rows, 2.5)


def locations(beat: int, fiducial: int, zones: list[tuple[int, int, int, int]], guarded: list[tuple[int, int]]) -> bytes:
    return (
        struct.pack("<HHH", beat * 2, fiducial, len(zones))
        + b"".join(struct.pack("<HIII", *zone) for zone in zones)
        + b"".join(struct.pack("<II", *zone) for zone in guarded)
    )


ZONES = [(0, 101, 151, 200), (1, 301, 351, 400), (0, 501, 551, 600)]  # type, first, fiducial, last sample from 1
GUARDED = [(121, 180), (321, 380), (521, 580)]


@pytest.mark.parametrize("avm", [2500, 5000])
def test_scp_puts_the_reference_beat_back_where_it_was_subtracted(avm: int) -> None:
    rows, beat = made.tracing(length=800), made.tracing(length=120, seed=2)
    left = rows.copy()
    for kind, first, fiducial, last in ZONES:
        if kind == 0:
            for sample in range(first, last + 1):
                left[:, sample - 1] -= beat[:, 60 + sample - fiducial - 1] * (avm // 2500)  # beat's fiducial is its 60th sample
    parts = {
        2: struct.pack("<H", 19999), 3: made.scp_leads(12, 800, subtracted=True), 4: locations(120, 60, ZONES, GUARDED),
        5: made.scp_block(list(beat), 1, True, avm=avm), 6: made.scp_block(list(left), 2, True),
    }  # fmt: skip
    one = good(made.scp(parts))
    same(one, rows, 2.5)
    assert one.median is not None
    assert np.array_equal(one.median.samples, (beat * avm / 1000).astype(np.float32))


def test_scp_bimodal_keeps_protected_zones_and_joins_the_means_between() -> None:
    ramp = np.tile(np.arange(800) * 4, (12, 1)) + made.tracing(length=800)
    smooth = np.tile(np.arange(800) * 4, (12, 1))
    rows = smooth.copy()
    stored = []
    for lead in range(12):
        values, at = [], 0
        for first, last in [*GUARDED, (801, 800)]:
            for begin in range(at, first - 1, 4):
                values.append(int(smooth[lead, begin : begin + 4].sum()) // 4)
            if last > first:
                rows[lead, first - 1 : last] = ramp[lead, first - 1 : last]
                values += [int(v) for v in ramp[lead, first - 1 : last]]
            at = last
        stored.append(np.array(values))
    beat = made.tracing(length=120, seed=2)
    parts = {
        2: struct.pack("<H", 19999), 3: made.scp_leads(12, 800), 4: locations(120, 60, ZONES, GUARDED),
        5: made.scp_block(list(beat), 1, True), 6: made.scp_block(stored, 2, True, interval=8000, flag=1),
    }  # fmt: skip
    one = good(made.scp(parts))
    assert (one.rate, one.samples.shape) == (500.0, (12, 800))
    for first, last in GUARDED:
        assert np.array_equal(one.samples[:, first - 1 : last], (rows[:, first - 1 : last] * 2.5).astype(np.float32))
    assert np.abs(one.samples - rows * 2.5).max() <= 15  # a ramp of 10 µV a sample, whole means, and level ends


def test_scp_with_a_wrong_size_is_read_with_a_warning_and_one_cut_short_is_not() -> None:
    parts = {3: made.scp_leads(12, 1000), 6: made.scp_block(list(ROWS), 0, False)}
    one = good(made.scp(parts, size=12345))
    same(one, ROWS, 2.5)
    assert one.warnings == ("the record's size field is not the size of the file",)
    whole = made.scp(parts)
    cut = read(whole[:-100])
    assert isinstance(cut, Fault)
    assert cut.code == "E158"
    damaged = bytearray(whole)
    damaged[-10] ^= 1
    assert any("checksum of section 6" in warning for warning in good(bytes(damaged)).warnings)


@pytest.mark.parametrize("explicit", [True, False])
def test_dicom_reads_groups_medians_and_zone(explicit: bool) -> None:
    median = made.tracing(length=300)
    one = good(made.dicom([(made.STANDARD, ROWS, "RHYTHM"), (made.STANDARD, median, "MEDIAN BEAT")], explicit=explicit))
    same(one, ROWS, 2.5)
    assert one.start == datetime(2020, 1, 2, 3, 4, 5, 500_000, timezone(timedelta(hours=1)))
    assert (one.patient.family, one.patient.given, one.patient.sex) == ("Test", "Dicom", "female")
    assert one.median is not None
    assert one.median.samples.shape == (12, 300)


@pytest.mark.parametrize("syntax", ["1.2.840.10008.1.2.1.99", "1.2.840.10008.1.2.2"])
def test_dicom_deflated_and_big_endian_read_as_the_plain_one(syntax: str) -> None:
    plain = made.dicom([(made.STANDARD, ROWS, "RHYTHM"), (made.STANDARD, ROWS[:, :300], "MEDIAN BEAT")])
    one, other = good(plain), good(made.dicom_again(plain, syntax))
    assert np.array_equal(one.samples, other.samples)
    assert (one.leads, one.rate, one.start, one.patient, one.scale) == (
        other.leads,
        other.rate,
        other.start,
        other.patient,
        other.scale,
    )
    assert other.median is not None
    assert np.array_equal(other.median.samples, one.samples[:, :300])


@pytest.mark.parametrize("explicit", [True, False])
def test_a_dicom_data_set_without_its_file_head_reads_the_same(explicit: bool) -> None:
    whole = made.dicom([(made.STANDARD, ROWS, "RHYTHM")], explicit=explicit)
    at = 144 + int.from_bytes(whole[140:144], "little")  # the meta group tells its own length
    one = good(whole[at:])
    same(one, ROWS, 2.5)
    assert one.start == good(whole).start


def test_a_deflated_dicom_that_holds_too_much_is_refused() -> None:
    plain = made.dicom([(made.STANDARD, ROWS, "RHYTHM")])
    again = made.dicom_again(plain, "1.2.840.10008.1.2.1.99")
    pack = zlib.compressobj(9, zlib.DEFLATED, -15)
    bomb = again[: again.index(b"1.2.840.10008.1.2.1.99") + 22] + pack.compress(bytes(400 << 20)) + pack.flush()
    began = time.process_time()
    found = read(bomb)
    assert isinstance(found, Fault)
    assert time.process_time() - began < 1


def test_dicom_merges_the_groups_of_a_general_ecg() -> None:
    one = good(made.dicom([(made.STANDARD[:6], ROWS[:6], "RHYTHM"), (made.STANDARD[6:], ROWS[6:], "RHYTHM")]))
    same(one, ROWS, 2.5)


@pytest.mark.parametrize("form", ["16", "212", "80", "24", "32", "310", "311"])
@pytest.mark.parametrize("count", [1, 2, 3, 12])
def test_wfdb_formats_read_as_the_reference_library_reads_them(form: str, count: int, tmp_path: Path) -> None:
    height = {"80": 120, "310": 500, "311": 500}.get(form, 2000)
    rows = made.tracing(count, 999, 1500).clip(-height, height)
    files = made.wfdb_files(rows, form, baseline=10)
    one = good(files["made.hea"], beside=files)
    assert np.array_equal(one.samples, ((rows - 10) * 5.0).astype(np.float32))
    assert not [warning for warning in one.warnings if form not in ("310", "311")]
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
    oracle = pytest.importorskip("wfdb").rdrecord(str(tmp_path / "made"))
    assert np.abs(oracle.p_signal.T * 1000 - one.samples).max() < 0.001


def test_wfdb_signals_of_another_unit_are_left_out_and_leads_of_one_name_are_told_apart() -> None:
    head = b"r 5 500 3\na.dat 16 100/mV 16 0 0 0 0 ECG\na.dat 16 10/mmHg 16 0 0 0 0 ABP\nb.dat 16 1/uV 16 0 0 0 0 V5\n"
    head += b"a.dat 16 100/mV 16 0 0 0 0 ECG\nb.dat 16 1/uV\n"
    first, second = np.array([[1, 90, 2], [3, 91, 4], [5, 92, 6]], "<i2"), np.array([[7, 8], [9, 10], [11, 12]], "<i2")
    one = good(head, beside={"a.dat": first.tobytes(), "b.dat": second.tobytes()})
    assert one.leads == ("ECG", "V5", "ECG 2", "4")
    assert one.samples.tolist() == [[10, 30, 50], [7, 9, 11], [20, 40, 60], [8, 10, 12]]
    assert "signals of another unit are left out" in one.warnings
    nothing = read(b"r 1 500 3\na.dat 16 10/mmHg 16 0 0 0 0 ABP\n", beside={"a.dat": first.tobytes()})
    assert isinstance(nothing, Fault)
    assert nothing.code == "E155"


@pytest.mark.parametrize("plus", [True, False])
def test_edf_reads_as_pyedflib_wrote_it(plus: bool) -> None:
    one = good(made.edf(ROWS[:3], plus=plus))
    assert (one.leads, one.rate) == (("I", "II", "III"), 500.0)
    assert np.abs(one.samples[:, :1000] - ROWS[:3] * (16384 / 65535)).max() < 0.26  # zero lies between two steps
    assert one.filters.high_pass == 0.05
    if plus:
        assert (one.patient.id, one.patient.sex) == ("P-7", "female")
        assert [(mark.label, mark.start) for mark in one.annotations] == [("beat", 250)]


def test_in_an_edf_of_a_sleep_laboratory_the_ecg_is_read_though_others_are_sampled_faster() -> None:
    one = good(made.edf_signals([("EEG C3", "uV", 1000), ("EKG-V5", "uV", 500), ("Resp", "", 25), ("ECG 2", "mV", 500)]))
    assert (one.leads, one.rate, one.samples.shape) == (("V5", "2"), 500.0, (2, 1000))
    assert one.samples[:, 0].tolist() == pytest.approx([2, 4000], abs=31)  # half a step of 2000 mV in 16 bits is 15 µV
    assert one.warnings == ("signals of another unit or a lower rate are left out",)


def test_a_discontinuous_edf_keeps_its_gaps() -> None:
    whole = bytearray(made.edf(ROWS[:1, :1000]))
    assert whole[192:197] == b"EDF+C"
    whole[192:197] = b"EDF+D"
    at = whole.rindex(b"+1\x14\x14")
    whole[at : at + 4] = b"+3\x14\x14"
    one = good(bytes(whole))
    assert one.samples.shape == (1, 2000)
    assert np.isnan(one.samples[0, 500:1500]).all()
    assert not np.isnan(one.samples[0, :500]).any()
    assert any("interrupted" in warning for warning in one.warnings)


CSV = {
    "a column with head": "Name;Test\nAbtastrate;500 Hz\nLead;Lead II\nUnit;mV\n\n"
    + "\n".join(f"{v / 1000:.3f}".replace(".", ",") for v in ROWS[0]),
    "comma cells": "sample rate,500\nlead,II\nunit,mV\n" + "\n".join(f"{v / 1000:.3f}" for v in ROWS[0]),
    "tab and index": "fs\t500\nunit\tmV\ntime\tII\n" + "\n".join(f"{n}\t{v / 1000:.3f}" for n, v in enumerate(ROWS[0])),
    "blank and time": "unit: mV\ntime (s)  II\n" + "\n".join(f"{n / 500:.3f} {v / 1000:.3f}" for n, v in enumerate(ROWS[0])),
}


@pytest.mark.parametrize("name", CSV)
def test_csv_finds_rate_lead_and_unit(name: str) -> None:
    one = good(CSV[name].encode())
    assert (one.leads, one.rate) == (("II",), 500.0)
    assert np.array_equal(one.samples, ROWS[:1].astype(np.float32))


def test_csv_of_twelve_named_leads_in_microvolts() -> None:
    head = ",".join(made.STANDARD) + "\n"
    one = good((head + "\n".join(",".join(map(str, row)) for row in ROWS.T)).encode())
    same(one, ROWS, 1)
    assert one.rate == 512.0
    assert one.warnings == ("no sampling rate is stated; 512 Hz is assumed", "no unit is stated; µV is assumed")


def test_a_bare_column_is_lead_one_at_512_hz_in_microvolts_with_warnings() -> None:
    one = good("µV\n".encode() + "\n".join(map(str, ROWS[0])).encode())
    assert (one.leads, one.rate, len(one.warnings)) == (("I",), 512.0, 2)
    assert np.array_equal(one.samples[0], ROWS[0].astype(np.float32))


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


HEAD = "MSH|^~\\&|MON|ICU|E|H|20240102||ORU^W01^ORU_W01|1|P|2.6\rPID|1||H-1^^^AUTH||Test^Wave||19700101|M\rOBR|1|||W|||20240102030405+0100\r"


def test_hl7_channel_definitions_and_numeric_arrays_are_read() -> None:
    body = HEAD
    for n, lead in enumerate(("I", "II")):
        body += f"OBX|{2 * n + 1}|CD|CHN||{n + 1}&{lead}^^0.5&uV^1&0&0^500^-2048&2047||||||F\r"
        body += f"OBX|{2 * n + 2}|NA|WAV||{'^'.join(map(str, ROWS[n]))}||||||F\r"
    one = good(body.encode())
    assert (one.leads, one.rate, one.patient.id) == (("I", "II"), 500.0, "H-1")
    assert np.array_equal(one.samples, (ROWS[:2] * 0.5).astype(np.float32))
    multiplexed = HEAD + "OBX|1|CD|CHN||1&I^^0.5&uV^1^500~2&II^^0.5&uV^1^500||||||F\r"
    multiplexed += "OBX|2|MA|WAV||" + "~".join(f"{a}^{b}" for a, b in ROWS[:2].T) + "||||||F\r"
    assert np.array_equal(good(multiplexed.encode()).samples, one.samples)


def test_hl7_waveforms_in_the_ihe_form_are_read() -> None:
    body = HEAD
    for n, (code, _) in enumerate(((131329, "I"), (131330, "II")), 1):
        body += f"OBX|1|NA|{code}^MDC_ECG_ELEC_POTL^MDC|1.1.1.{n}|{'^'.join(map(str, ROWS[n - 1]))}||||||F\r"
        body += f"OBX|2|NM|0^MDC_ATTR_SAMP_RATE^MDC|1.1.1.{n}.1|250|264608^MDC_DIM_PER_SEC^MDC|||||F\r"
        body += f"OBX|3|NM|0^MDC_ATTR_NU_MSMT_RES^MDC|1.1.1.{n}.2|0.005|266418^MDC_DIM_MILLI_VOLT^MDC|||||F\r"
    one = good(body.encode())
    assert (one.leads, one.rate) == (("I", "II"), 250.0)
    assert np.array_equal(one.samples, (ROWS[:2] * 5.0).astype(np.float32))
    assert one.start == datetime(2024, 1, 2, 3, 4, 5, tzinfo=timezone(timedelta(hours=1)))
