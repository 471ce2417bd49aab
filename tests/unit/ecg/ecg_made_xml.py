"""XML files of five vendors and HL7's annotated ECG, written from the formats' descriptions."""

from __future__ import annotations

import base64
import struct

import numpy as np
from ecg_tracing import EIGHT, STANDARD, Steps, b64


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
