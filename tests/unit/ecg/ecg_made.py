"""ECG files written from the formats' descriptions, independently of the readers and writers they test."""

from __future__ import annotations

import base64
import io
import struct
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

STANDARD = ("I", "II", "III", "aVR", "aVL", "aVF", "V1", "V2", "V3", "V4", "V5", "V6")
EIGHT = ("I", "II", "V1", "V2", "V3", "V4", "V5", "V6")
Steps = NDArray[np.int64]


def tracing(leads: int = 12, length: int = 1000, height: int = 300, seed: int = 1) -> Steps:
    """Whole steps [leads, length] that look like beats with some noise."""
    rng = np.random.default_rng(seed)
    t = np.arange(length) / 500
    beat = np.exp(-(((t % 0.8) - 0.3) ** 2) / 0.0002) + 0.2 * np.exp(-(((t % 0.8) - 0.55) ** 2) / 0.003)
    rows = [height * (0.4 + 0.1 * n) * (-1) ** (n % 3) * beat + rng.normal(0, 3, length) for n in range(leads)]
    return np.rint(np.array(rows)).astype(np.int64)


def b64(row: NDArray[Any]) -> str:
    return base64.b64encode(row.astype("<i2").tobytes()).decode()


# --- XML --------------------------------------------------------------------------------------------------------------


def aecg(rows: Steps, family: str = "Test", step: str = "2.5") -> bytes:
    """One rhythm series of the first standard leads, at 500 Hz."""
    leads = "".join(
        f'<component><sequence><code code="MDC_ECG_LEAD_{name.upper()}"/><value xsi:type="SLIST_PQ"><origin value="0" unit="uV"/>'
        f'<scale value="{step}" unit="uV"/><digits>{" ".join(map(str, row.tolist()))}</digits></value></sequence></component>'
        for name, row in zip(STANDARD, rows, strict=False)
    )
    clock = (
        '<component><sequence><code code="TIME_ABSOLUTE"/><value xsi:type="GLIST_TS"><head value="20200102030405.678"/>'
        '<increment value="0.002" unit="s"/></value></sequence></component>'
    )
    person = f"<subjectDemographicPerson><name><family>{family}</family></name></subjectDemographicPerson>"
    return (
        '<?xml version="1.0" encoding="UTF-8"?><AnnotatedECG xmlns="urn:hl7-org:v3" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">'
        f"<componentOf><timepointEvent><componentOf><subjectAssignment><subject><trialSubject>{person}</trialSubject></subject>"
        "</subjectAssignment></componentOf></timepointEvent></componentOf><component><series><code code='RHYTHM'/>"
        f"<component><sequenceSet>{clock}{leads}</sequenceSet></component></series></component></AnnotatedECG>"
    ).encode()


def muse(rows: Steps, median: Steps, per_bit: str = "4.88", base: int = 500, exponent: int = 0) -> bytes:
    def wave(kind: str, table: Steps) -> str:
        leads = "".join(
            f"<LeadData><LeadSampleCountTotal>{len(row)}</LeadSampleCountTotal><LeadAmplitudeUnitsPerBit>{per_bit}"
            f"</LeadAmplitudeUnitsPerBit><LeadAmplitudeUnits>MICROVOLTS</LeadAmplitudeUnits><LeadID>{lead}</LeadID>"
            f"<LeadDataCRC32>0</LeadDataCRC32><WaveFormData>\n{b64(row)}\n</WaveFormData></LeadData>"
            for lead, row in zip(EIGHT, table, strict=True)
        )
        return (
            f"<Waveform><WaveformType>{kind}</WaveformType><SampleBase>{base}</SampleBase><SampleExponent>{exponent}</SampleExponent>"
            f"<HighPassFilter>5</HighPassFilter><LowPassFilter>150</LowPassFilter><ACFilter>60</ACFilter>{leads}</Waveform>"
        )

    return f"""<?xml version="1.0" encoding="ISO-8859-1"?>
<!DOCTYPE RestingECG SYSTEM "restecg.dtd">
<RestingECG><MuseInfo><MuseVersion>8.0</MuseVersion></MuseInfo>
<PatientDemographics><PatientID>SYN-9</PatientID><PatientAge>61</PatientAge><AgeUnits>YEARS</AgeUnits><DateofBirth>02-28-1961</DateofBirth>
<Gender>FEMALE</Gender><PatientLastName>Jäger</PatientLastName><PatientFirstName>Test</PatientFirstName></PatientDemographics>
<TestDemographics><AcquisitionTime>14:05:06</AcquisitionTime><AcquisitionDate>03-04-2023</AcquisitionDate>
<AcquisitionDevice>MAC55</AcquisitionDevice></TestDemographics>
<RestingECGMeasurements><VentricularRate>72</VentricularRate><PRInterval>160</PRInterval><QRSDuration>92</QRSDuration>
<QTInterval>400</QTInterval><QTCorrected>438</QTCorrected><PAxis>40</PAxis><RAxis>-12</RAxis><TAxis>35</TAxis><POnset>140</POnset>
<POffset>190</POffset><ECGSampleBase>500</ECGSampleBase><ECGSampleExponent>0</ECGSampleExponent></RestingECGMeasurements>
<Diagnosis><DiagnosisStatement><StmtText>Normal sinus rhythm</StmtText></DiagnosisStatement>
<DiagnosisStatement><StmtFlag>ENDSLINE</StmtFlag><StmtText>Otherwise normal ECG</StmtText></DiagnosisStatement></Diagnosis>
{wave("Median", median)}{wave("Rhythm", rows)}</RestingECG>""".encode("latin-1")


def mortara(rows: Steps, units: int = 400, offset: int = 7) -> bytes:
    channels = "".join(
        f'<CHANNEL NAME="{lead.upper()}" SAMPLE_FREQ="1000" DURATION="{len(row)}" BITS="16" FORMAT="SIGNED" UNITS_PER_MV="{units}" '
        f'OFFSET="{offset}" ENCODING="BASE64" DATA="{b64(row)}"/>'
        for lead, row in zip(STANDARD, rows, strict=True)
    )
    return (
        '<?xml version="1.0" encoding="UTF-8"?><ECG ACQUISITION_TIME="20220102030405" VENT_RATE="66">'
        '<SUBJECT LAST_NAME="Test" FIRST_NAME="Eli" ID="E-1" GENDER="Male" DOB_EX="19700131"/>'
        f'<SOURCE TYPE="RESTING" MANUFACTURER="Mortara" MODEL="ELI 280" ID="77"/>{channels}</ECG>'
    ).encode()


def schiller(rows: Steps, value: int = 5, exponent: int = 2, per_bit: str = "2.5", units: str = "uV") -> bytes:
    channels = "".join(
        f"<channel><name>{lead}</name><data>{','.join(map(str, row))},</data></channel>"
        for lead, row in zip(STANDARD, rows, strict=True)
    )
    return (
        "<examdescript><startdatetime><date>20210203</date><time>101112</time></startdatetime><patdata><id>S-1</id><lastname>Test"
        "</lastname><birthdate>19551224</birthdate><gender>male</gender></patdata><eventdata><event><wavedata type='ECG_RHYTHMS'>"
        f"<resolution><samplerate><value>{value}</value><exponent>{exponent}</exponent></samplerate><yres><unitperbit>{per_bit}"
        f"</unitperbit><units>{units}</units></yres></resolution>{channels}</wavedata></event></eventdata></examdescript>"
    ).encode()


def cardiosoft(rows: Steps, resolution: str = "5") -> bytes:
    leads = "".join(
        f'<WaveformData lead="{lead}">\n\t{",".join(map(str, row))}</WaveformData>'
        for lead, row in zip(STANDARD, rows, strict=True)
    )
    return (
        '<?xml version="1.0" encoding="ISO-8859-1"?><CardiologyXML><ObservationType>RestECG</ObservationType><ObservationDateTime>'
        "<Hour>9</Hour><Minute>5</Minute><Second>7</Second><Day>3</Day><Month>11</Month><Year>2019</Year></ObservationDateTime>"
        "<PatientInfo><PID>C-3</PID><Name><FamilyName>Test</FamilyName><GivenName>Card</GivenName></Name><Gender>FEMALE</Gender>"
        "<BirthDateTime><Day>1</Day><Month>2</Month><Year>1944</Year></BirthDateTime></PatientInfo><RestingECGMeasurements>"
        "<VentricularRate units='BPM'>58</VentricularRate><PQInterval units='ms'>170</PQInterval><RAxis>20</RAxis>"
        "</RestingECGMeasurements><Interpretation><Diagnosis><DiagnosisText>Sinus bradycardia</DiagnosisText></Diagnosis>"
        f"</Interpretation><StripData><NumberOfLeads>12</NumberOfLeads><SampleRate units='Hz'>500</SampleRate><Resolution "
        f"units='uVperLsb'>{resolution}</Resolution>{leads}</StripData></CardiologyXML>"
    ).encode()


def sierra(rows: Steps, version: str = "1.04", xli: bool = True, charset: str = "utf-16") -> bytes:
    """Rows are residual-free leads; limb leads are stored as residuals of zero when XLI is used."""
    length = rows.shape[1]
    data = b"".join(xli_lead(row) for row in xli_residuals(rows)) if xli else rows.astype("<i2").tobytes()
    coding = ('compression="XLI"' if version != "1.03" else 'compressflag="True" compressmethod="XLI"') if xli else ""
    return (
        f"<?xml version='1.0' encoding='{charset.upper()}'?><restingecgdata xmlns='http://www3.medical.philips.com'><documentinfo>"
        f"<documentversion>{version}</documentversion></documentinfo><dataacquisition date='2020-05-06' time='07:08:09'>"
        "<signalcharacteristics><samplingrate>500</samplingrate><resolution>5</resolution></signalcharacteristics></dataacquisition>"
        f"<waveforms><parsedwaveforms dataencoding='Base64' {coding} numberofleads='12' leadlabels='{' '.join(STANDARD)}' "
        f"durationperchannel='{length * 2}' samplespersecond='500' resolution='5'>{base64.b64encode(data).decode()}"
        "</parsedwaveforms></waveforms></restingecgdata>"
    ).encode(charset)


def xli_residuals(rows: Steps) -> list[Steps]:
    i, ii, iii, avr, avl, avf = rows[:6]
    return [
        i, ii, ii - i - iii, -avr - (i + ii) // 2, (i - iii) // 2 - avl, (ii + iii) // 2 - avf, *rows[6:],
    ]  # fmt: skip


def xli_lead(row: Steps) -> bytes:
    """Second differences with bias 64, high bytes then low bytes, ten-bit LZW with a table of 1024."""
    stored = row.copy()
    bends = 2 * row[1:-1] - row[:-2] - row[2:]
    stored[3:] = bends[1:] + 64
    stored[2] = 0
    stored = np.concatenate([row[:2], bends[1:] + 64, [64]])
    words = stored.astype(np.int16).view(np.uint16)
    plain = (words >> 8).astype(np.uint8).tobytes() + (words & 255).astype(np.uint8).tobytes()
    packed = lzw(plain)
    return struct.pack("<IHh", len(packed), 1, int(bends[0])) + packed


def lzw(data: bytes) -> bytes:
    table = {bytes([n]): n for n in range(256)}
    word, bits = b"", ""
    for value in data:
        longer = word + bytes([value])
        if longer in table:
            word = longer
            continue
        bits += format(table[word], "010b")
        if len(table) < 1024:
            table[longer] = len(table)
        word = bytes([value])
    bits += format(table[word], "010b")
    bits += "0" * (-len(bits) % 8)
    return int(bits, 2).to_bytes(len(bits) // 8, "big")


# --- SCP-ECG ----------------------------------------------------------------------------------------------------------


def default_code(value: int) -> str:
    """EN 1064's default table, from its description: 0, then n as n ones, `0`, sign; then escapes for 8 and 16 bits."""
    if value == 0:
        return "0"
    if abs(value) <= 8:
        return "1" * abs(value) + "0" + ("1" if value < 0 else "0")
    if -128 <= value <= 127:
        return "1" * 9 + "0" + format(value & 0xFF, "08b")
    return "1" * 10 + format(value & 0xFFFF, "016b")


def packed_bits(codes: list[str]) -> bytes:
    bits = "".join(codes)
    bits += "0" * (-len(bits) % 16)
    return int(bits, 2).to_bytes(len(bits) // 8, "big")


def differences(row: Steps, order: int) -> list[int]:
    if order == 0:
        return [int(v) for v in row]
    if order == 1:
        return [int(row[0]), *(int(v) for v in np.diff(row))]
    return [int(row[0]), int(row[1]), *(int(v) for v in row[2:] - 2 * row[1:-1] + row[:-2])]


CRC = []
for _byte in range(256):
    _value = _byte << 8
    for _ in range(8):
        _value = ((_value << 1) ^ 0x1021 if _value & 0x8000 else _value << 1) & 0xFFFF
    CRC.append(_value)


def crc(data: bytes) -> int:
    """CRC-CCITT by its table."""
    value = 0xFFFF
    for byte in data:
        value = (value << 8 & 0xFFFF) ^ CRC[value >> 8 ^ byte]
    return value


def scp(sections: dict[int, bytes], size: int | None = None) -> bytes:
    def framed(number: int, data: bytes, letters: bytes = bytes(6)) -> bytes:
        rest = struct.pack("<HIBB", number, 16 + len(data), 20, 20) + letters + data
        return struct.pack("<H", crc(rest)) + rest

    at = 7 + 16 + 120
    pointers, bodies = struct.pack("<HII", 0, 136, 7), b""
    for number in range(1, 12):
        section = framed(number, sections[number]) if number in sections else b""
        pointers += struct.pack("<HII", number, len(section), at + len(bodies) if section else 0)
        bodies += section
    record = framed(0, pointers, b"SCPECG") + bodies
    rest = struct.pack("<I", len(record) + 6 if size is None else size) + record
    return struct.pack("<H", crc(rest)) + rest


def scp_leads(count: int, length: int, subtracted: bool = False, first: int = 1) -> bytes:
    numbers = [1, 2, 61, 62, 63, 64, 3, 4, 5, 6, 7, 8][:count]
    flags = int(subtracted) | 4 | (min(count, 31) << 3)
    return bytes([count, flags & 255]) + b"".join(struct.pack("<IIB", first, first + length - 1, n) for n in numbers)


def scp_block(
    rows: list[Steps], order: int, coded: bool, avm: int = 2500, interval: int = 2000, flag: int = 0, code: Any = default_code
) -> bytes:
    data = []
    for row in rows:
        values = differences(row, order)
        one = packed_bits([code(v) for v in values]) if coded else np.array(values, "<i2").tobytes()
        data.append(one)
    return (
        struct.pack("<HHBB", avm, interval, order, flag) + b"".join(struct.pack("<H", len(one)) for one in data) + b"".join(data)
    )


# --- other binary -----------------------------------------------------------------------------------------------------


def edf(rows: Steps, rate: int = 500, plus: bool = True) -> bytes:
    """Written by pyedflib."""
    import pyedflib

    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder) / "made.edf")
        kind = pyedflib.FILETYPE_EDFPLUS if plus else pyedflib.FILETYPE_EDF
        with pyedflib.EdfWriter(path, len(rows), file_type=kind) as writer:
            for n, lead in enumerate(STANDARD[: len(rows)]):
                writer.setSignalHeader(
                    n,
                    {"label": f"ECG {lead}", "dimension": "uV", "sample_frequency": rate, "physical_max": 8192.0, "physical_min": -8192.0,
                     "digital_max": 32767, "digital_min": -32768, "transducer": "", "prefilter": "HP:0.05Hz LP:150Hz"},
                )  # fmt: skip
            if plus:
                writer.setPatientCode("P-7")
                writer.setSex(0)
                writer.writeAnnotation(0.5, -1, "beat")
            writer.writeSamples([np.ascontiguousarray(row, dtype=np.int32) for row in rows], digital=True)
        return Path(path).read_bytes()


def bdf(rows: Steps, rate: int = 500, plus: bool = True) -> bytes:
    """Written by pyedflib: steps of 1/32 µV, about as BioSemi's amplifiers have them."""
    import pyedflib

    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder) / "made.bdf")
        kind = pyedflib.FILETYPE_BDFPLUS if plus else pyedflib.FILETYPE_BDF
        with pyedflib.EdfWriter(path, len(rows), file_type=kind) as writer:
            for n, lead in enumerate(STANDARD[: len(rows)]):
                writer.setSignalHeader(
                    n,
                    {"label": f"ECG {lead}", "dimension": "uV", "sample_frequency": rate, "physical_max": 200000,
                     "physical_min": -200000, "digital_max": 6400000, "digital_min": -6400000, "transducer": "", "prefilter": ""},
                )  # fmt: skip
            if plus:
                writer.setPatientCode("P-7")
                writer.writeAnnotation(0.5, -1, "beat")
            writer.writeSamples([np.ascontiguousarray(row, dtype=np.int32) for row in rows], digital=True)
        return Path(path).read_bytes()


def edf_signals(signals: list[tuple[str, str, int]]) -> bytes:
    """Written by pyedflib: two seconds of signals of (label, unit, rate), each as high as its number from 1, in its own unit."""
    import pyedflib

    with tempfile.TemporaryDirectory() as folder:
        path = f"{folder}/made.edf"
        with pyedflib.EdfWriter(path, len(signals), file_type=pyedflib.FILETYPE_EDFPLUS) as writer:
            heads = [
                {"label": label, "dimension": unit, "sample_frequency": rate, "physical_min": -1000, "physical_max": 1000,
                 "digital_min": -32768, "digital_max": 32767, "transducer": "", "prefilter": ""}
                for label, unit, rate in signals
            ]  # fmt: skip
            writer.setSignalHeaders(heads)
            writer.writeSamples([np.full(2 * rate, float(n)) for n, (_, _, rate) in enumerate(signals, 1)])
        return Path(path).read_bytes()


def dicom(groups: list[tuple[tuple[str, ...], Steps, str]], rate: int = 500, step: str = "2.5", explicit: bool = True) -> bytes:
    """Written by pydicom: groups of (leads, steps, label)."""
    from pydicom.dataset import Dataset, FileMetaDataset
    from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian, TwelveLeadECGWaveformStorage, generate_uid

    def code(value: str, scheme: str, meaning: str) -> Dataset:
        one = Dataset()
        one.CodeValue, one.CodingSchemeDesignator, one.CodeMeaning = value, scheme, meaning
        return one

    data = Dataset()
    data.file_meta = FileMetaDataset()
    data.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian if explicit else ImplicitVRLittleEndian
    data.file_meta.MediaStorageSOPClassUID = data.SOPClassUID = TwelveLeadECGWaveformStorage
    data.file_meta.MediaStorageSOPInstanceUID = data.SOPInstanceUID = generate_uid(entropy_srcs=["made"])
    data.PatientName, data.PatientID, data.PatientBirthDate, data.PatientSex = "Test^Dicom", "D-1", "19800102", "F"
    data.SpecificCharacterSet, data.AcquisitionDateTime, data.Modality = "ISO_IR 192", "20200102030405.500+0100", "ECG"
    data.WaveformSequence = []
    numbers = {"I": 1, "II": 2, "III": 61, "aVR": 62, "aVL": 63, "aVF": 64} | {f"V{n}": n + 2 for n in range(1, 7)}
    for leads, steps, label in groups:
        group = Dataset()
        group.WaveformOriginality = "DERIVED" if "MEDIAN" in label else "ORIGINAL"
        group.NumberOfWaveformChannels, group.NumberOfWaveformSamples = len(leads), steps.shape[1]
        group.SamplingFrequency, group.MultiplexGroupLabel = str(rate), label
        group.ChannelDefinitionSequence = []
        for lead in leads:
            channel = Dataset()
            channel.ChannelSourceSequence = [code(f"5.6.3-9-{numbers[lead]}", "SCPECG", f"Lead {lead}")]
            channel.ChannelSensitivity, channel.ChannelSensitivityCorrectionFactor, channel.ChannelBaseline = step, "1", "0"
            channel.ChannelSensitivityUnitsSequence = [code("uV", "UCUM", "microvolt")]
            channel.WaveformBitsStored = 16
            group.ChannelDefinitionSequence.append(channel)
        group.WaveformBitsAllocated, group.WaveformSampleInterpretation = 16, "SS"
        group.WaveformData = steps.T.astype("<i2").tobytes()
        data.WaveformSequence.append(group)
    out = io.BytesIO()
    data.save_as(out, enforce_file_format=True)
    return out.getvalue()


def dicom_again(body: bytes, syntax: str) -> bytes:
    """The same object in another transfer syntax, written by pydicom; words of big-endian waveforms are turned."""
    import pydicom
    from pydicom.uid import UID

    data, out = pydicom.dcmread(io.BytesIO(body)), io.BytesIO()
    data.file_meta.TransferSyntaxUID = UID(syntax)
    if not data.file_meta.TransferSyntaxUID.is_little_endian:
        for group in data.WaveformSequence:
            group.WaveformData = np.frombuffer(group.WaveformData, "<i2").astype(">i2").tobytes()
    pydicom.dcmwrite(out, data, enforce_file_format=True)
    return out.getvalue()


def by_ten(values: NDArray[Any], form: str) -> bytes:
    """Formats 310 and 311 of signal(5), from its description; what does not fill four bytes is padded with zeros."""
    padded = [int(v) & 0x3FF for v in np.concatenate([values, np.zeros(-len(values) % 3, np.int64)])]
    out = b""
    for a, b, c in zip(padded[::3], padded[1::3], padded[2::3], strict=True):
        if form == "310":
            out += struct.pack("<HH", a << 1 | (c & 31) << 11, b << 1 | (c >> 5) << 11)
        else:
            out += struct.pack("<I", a | b << 10 | c << 20)
    return out


def wfdb_files(
    rows: Steps, form: str, gain: float = 200.0, baseline: int = 0, leads: tuple[str, ...] = STANDARD
) -> dict[str, bytes]:
    """Written by the wfdb package."""
    import wfdb

    with tempfile.TemporaryDirectory() as folder:
        count = len(rows)
        if form in ("310", "311"):
            header = f"made {count} 500 {rows.shape[1]}\n"
            header += "".join(
                f"made.dat {form} {gain:g}({baseline})/mV 10 0 {row[0]} 0 0 {lead}\n"
                for row, lead in zip(rows, leads, strict=False)
            )
            return {"made.hea": header.encode(), "made.dat": by_ten(rows.T.reshape(-1), form)}
        wfdb.wrsamp(
            "made", fs=500, units=["mV"] * count, sig_name=list(leads[:count]), d_signal=np.ascontiguousarray(rows.T), fmt=[form] * count,
            adc_gain=[gain] * count, baseline=[baseline] * count, write_dir=folder,
        )  # fmt: skip
        return {path.name: path.read_bytes() for path in Path(folder).iterdir()}
