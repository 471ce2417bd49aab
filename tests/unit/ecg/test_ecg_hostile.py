"""Whatever bytes come: a Recording or a Fault, soon, in bounded memory, and never anything else."""

from __future__ import annotations

import gzip
import io
import json
import random
import resource
import struct
import time
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal

import ecg_made as made
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.ecg import Recording, Trends, read, read_trends
from adapters.ecg.formats import NAMES
from adapters.ecg.whole import whole
from adapters.ecg.write import write
from adapters.ecg.xml_tools import numbers
from engine.fault import Fault
from fhir import xml_write
from fhir.encode import loads

ROWS = made.tracing(length=100)
SHORT = made.tracing(8, 100)


def observation() -> bytes:
    found = read(made.cardiosoft(ROWS))
    assert isinstance(found, Recording)
    written = write(found, "fhir")
    assert not isinstance(written, Fault)
    return written.body


def fhir_xml() -> bytes:
    body = loads(observation())
    assert not isinstance(body, Fault)
    written = xml_write.write(body)
    assert isinstance(written, bytes)
    return written


def hl7() -> bytes:
    numbers = "^".join(map(str, ROWS[0]))
    return f"MSH|^~\\&|A|B|C|D|2024||ORU^W01|1|P|2.6\rOBX|1|CD|CHN||1&I^^0.5&uV^1&0&0^500\rOBX|2|NA|WAV||{numbers}\r".encode()


def coded_scp() -> bytes:
    return made.scp({2: struct.pack("<H", 19999), 3: made.scp_leads(12, 100), 6: made.scp_block(list(ROWS), 2, True)})


def aecg() -> bytes:
    found = read(made.cardiosoft(ROWS))
    assert isinstance(found, Recording)
    written = write(found, "aecg")
    assert not isinstance(written, Fault)
    return written.body


def zipped() -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in made.wfdb_files(ROWS, "16").items():
            archive.writestr(name, data)
    return packed.getvalue()


SEEDS: dict[str, Callable[[], bytes]] = {
    "aecg": aecg, "sierra": lambda: made.sierra(ROWS), "sierra 1.03": lambda: made.sierra(ROWS, "1.03", charset="utf-8"),
    "muse": lambda: made.muse(SHORT, SHORT), "mortara": lambda: made.mortara(ROWS), "schiller": lambda: made.schiller(ROWS),
    "cardiosoft": lambda: made.cardiosoft(ROWS), "scp": coded_scp, "dicom": lambda: made.dicom([(made.STANDARD, ROWS, "RHYTHM")]),
    "dicom deflated": lambda: made.dicom_again(made.dicom([(made.STANDARD, ROWS, "RHYTHM")]), "1.2.840.10008.1.2.1.99"),
    "dicom big-endian": lambda: made.dicom_again(made.dicom([(made.STANDARD, ROWS, "RHYTHM")]), "1.2.840.10008.1.2.2"),
    "dicom implicit": lambda: made.dicom([(made.STANDARD, ROWS, "RHYTHM")], explicit=False), "wfdb": zipped,
    "fhir xml": fhir_xml,
    "bdf": lambda: made.bdf(made.tracing(2, 500)),
    "edf": lambda: made.edf(made.tracing(2, 500)), "csv": lambda: b"fs,500\nI,II\n" + b"\n".join(b"%d,%d" % (a, b) for a, b in ROWS[:2].T),
    "fhir": observation, "hl7v2": hl7,
}  # fmt: skip


def test_every_format_has_a_seed() -> None:
    assert {name.split()[0] for name in SEEDS} == set(NAMES)


@pytest.mark.parametrize("name", SEEDS)
def test_flipped_cut_and_doubled_bytes_give_a_recording_or_a_fault(name: str) -> None:
    seed = SEEDS[name]()
    whole = read(seed)
    assert isinstance(whole, Recording), whole
    assert whole.format == name.split()[0]
    rng = random.Random(name)
    for _ in range(150):
        body = bytearray(seed)
        for _ in range(rng.choice((1, 1, 2, 8))):
            at = rng.randrange(len(body))
            how = rng.randrange(5)
            if how == 0:
                body[at] ^= 1 << rng.randrange(8)
            elif how == 1:
                body[at] = rng.choice((0, 255, 127, 128, 48, 57))
            elif how == 2:
                del body[at:]
            elif how == 3:
                del body[at : at + rng.randrange(40)]
            else:
                body[at:at] = body[at : at + rng.randrange(60)]
            if not body:
                break
        began = time.perf_counter()
        found = read(bytes(body))
        assert isinstance(found, Recording | Fault)
        assert time.perf_counter() - began < 2
        if isinstance(found, Recording):
            assert found.samples.shape[0] == len(found.leads)
            assert found.samples.size < 50_000_000
            assert not np.isinf(found.samples).any()


@settings(max_examples=300)
@given(body=st.binary(max_size=400))
def test_any_bytes_give_a_recording_or_a_fault(body: bytes) -> None:
    assert isinstance(read(body), Recording | Fault)


HEADS = [
    b"\xffBIOSEMI",
    b"0       ", b"MSH|^~\\&|", b"<AnnotatedECG>", b"<ECG><CHANNEL ", b"PK\x03\x04", bytes(128) + b"DICM", b"a 1 500\n", b'{"resourceType"',
    bytes(6) + b"\0\0\0\0\x88\0\0\0\x14\x14SCPECG",
]  # fmt: skip


@settings(max_examples=300)
@given(head=st.sampled_from(HEADS), body=st.binary(max_size=400))
def test_any_bytes_behind_a_known_beginning_too(head: bytes, body: bytes) -> None:
    assert isinstance(read(head + body), Recording | Fault)
    assert isinstance(read_trends(head + body), Trends | Fault)


def big(head: bytes, fill: bytes, tail: bytes = b"") -> bytes:
    return head + fill * ((5_000_000 - len(head)) // len(fill)) + tail


def edf_of(count: int, samples: str, records: str) -> bytes:
    head = b"0       " + b" " * 160 + b"01.01.2001.01.01" + str(256 * (1 + count)).encode().ljust(8) + b" " * 44
    head += records.encode().ljust(8) + b"1       " + str(count).encode().ljust(4)
    return head + b"".join(
        text.encode().ljust(size) * count
        for text, size in (
            ("ECG I", 16),
            ("", 80),
            ("uV", 8),
            ("-100", 8),
            ("100", 8),
            ("-100", 8),
            ("100", 8),
            ("", 80),
            (samples, 8),
            ("", 32),
        )
    )


DIGITS = (
    b"<AnnotatedECG><component><series><code code='RHYTHM'/><component><sequenceSet><component><sequence><code code='MDC_ECG_LEAD_I'/>"
    b"<value><scale value='1' unit='uV'/><digits>"
)
DIGITS_END = b"</digits></value></sequence></component></sequenceSet></component></series></component></AnnotatedECG>"
META = bytes(128) + b"DICM" + b"\x02\0\x10\0UI\x14\x001.2.840.10008.1.2.1\0"
OPEN_SEQUENCE = b"\x09\0\x10\0SQ\0\0\xff\xff\xff\xff\xfe\xff\0\xe0\xff\xff\xff\xff"
SAMPLED = b'{"resourceType":"Observation","valueSampledData":{"origin":{"value":0,"code":"uV"},"period":1e999999,"dimensions":1,"data":"'
OF_ONE_LEAD = b'{"resource":{"resourceType":"Observation","valueSampledData":{"origin":{"value":0,"code":"uV"},"period":4,"dimensions":1,"data":"1"}}}'
OBSERVATION_XML = b'<Observation xmlns="http://hl7.org/fhir"><status value="final"/>'
LEAD_XML = (
    b'<component><valueSampledData><origin><value value="0"/><unit value="uV"/></origin><period value="4"/><dimensions value="1"/>'
    b'<data value="1 2"/></valueSampledData></component>'
)
HEADERS = b"MSH|^~\\&|A|B|C|D|2024||ORU|1|P|2.6\rOBX|1|CD|CHN||1&I^^0.5&uV^1^500\rOBX|2|NA|WAV||"
CODED = {2: struct.pack("<H", 19999)}


def bomb() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("a.dat", bytes(100_000_000))
    return out.getvalue()


def scp_leads(count: int, last: int) -> bytes:
    return bytes([count, 4]) + b"".join(struct.pack("<IIB", 1, last, 1) for _ in range(count))


HOSTILE: dict[str, Callable[[], bytes]] = {
    "digits without end": lambda: big(DIGITS, b"9" * 100),
    "digits that are one number": lambda: big(DIGITS, b"9", DIGITS_END),
    "many small elements": lambda: big(b"<AnnotatedECG>", b"<a/>"),
    "many statements": lambda: big(
        b"<restingecgdata>", b"<statement><leftstatement>a</leftstatement></statement>", b"</restingecgdata>"
    ),
    "an endless attribute": lambda: big(b"<ECG><CHANNEL DATA='", b"A"),
    "a zip of zeros": bomb,
    "scp with all the leads and samples": lambda: made.scp(CODED | {3: scp_leads(85, 2**31), 6: bytes(100_000)}),
    "scp of zeros": lambda: made.scp(
        CODED | {3: scp_leads(9, 500_000), 6: struct.pack("<HHBB9H", 2500, 2000, 2, 0, *[65535] * 9) + bytes(590_000)}
    ),
    "dicom of tiny elements": lambda: big(META, b"\x09\0\x10\0UN\0\0\0\0\0\0"),
    "dicom of nested sequences": lambda: big(META, OPEN_SEQUENCE),
    "edf of a hundred million samples": lambda: edf_of(1, "99999999", "-1") + bytes(5_000_000),
    "edf of many records": lambda: edf_of(1, "1", "99999999") + bytes(5_000_000),
    "columns without end": lambda: big(b"I\n1\n2\n", b"1,"),
    "a row without end": lambda: big(b"1,2\n3,4\n", b"1"),
    "json of brackets": lambda: big(b'{"resourceType":"Observation","a":', b"["),
    "json of data": lambda: big(SAMPLED, b"1 ", b'"}}'),
    "xml of a lead a part": lambda: big(OBSERVATION_XML, LEAD_XML, b"</Observation>"),
    "json of an observation a lead": lambda: big(b'{"resourceType":"Bundle","entry":[', OF_ONE_LEAD + b",", OF_ONE_LEAD + b"]}"),
    "columns of rows and one that is none": lambda: big(b"fs,500\nI,II\n", b"1,2\n", b"x\n"),
    "hl7 of carets": lambda: big(HEADERS, b"^"),
    "wfdb of signals": lambda: big(b"a 999999999 500 99999999999\n", b"a.dat 16 200\n"),
    "xli of one code": lambda: made.sierra(made.tracing(length=200), charset="utf-8").replace(b"='400'", b"='1999998'"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_five_hostile_megabytes_are_refused_within_a_second(name: str) -> None:
    body = HOSTILE[name]()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    began = time.process_time()
    found = read(body)
    spent = time.process_time() - began
    assert isinstance(found, Fault), name
    assert spent < 1, f"{spent:.2f} s"
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 400_000  # kB


@pytest.mark.parametrize("value", ["1e308", "NaN", "Infinity", "-Infinity", "0", "1e-300", "", "abc", "1e999999999", "1" * 400])
def test_a_gain_beyond_sense_is_refused(value: str) -> None:
    for body in (made.cardiosoft(ROWS, value), made.schiller(ROWS, per_bit=value), made.muse(SHORT, SHORT, value)):
        found = read(body)
        assert isinstance(found, Fault)
        assert found.code in ("E155", "E154")


@pytest.mark.parametrize("value", ["-500", "0", "1e9", "NaN", "", "x"])
def test_a_rate_beyond_sense_is_refused(value: str) -> None:
    for body in (
        made.cardiosoft(ROWS).replace(b"<SampleRate units='Hz'>500<", f"<SampleRate units='Hz'>{value}<".encode()),
        made.mortara(ROWS).replace(b'SAMPLE_FREQ="1000"', f'SAMPLE_FREQ="{value}"'.encode()),
    ):
        found = read(body)
        assert isinstance(found, Fault)
        assert found.code == "E154"


def test_a_declared_count_that_is_not_there_is_refused() -> None:
    for body in (
        made.mortara(ROWS).replace(b'DURATION="100"', b'DURATION="1000000000"'),
        made.muse(SHORT, SHORT).replace(b"<LeadSampleCountTotal>100<", b"<LeadSampleCountTotal>1000000000<"),
        made.cardiosoft(ROWS).replace(b"<NumberOfLeads>12<", b"<NumberOfLeads>10000<"),
        made.sierra(ROWS, xli=False, charset="utf-8").replace(b"durationperchannel='200'", b"durationperchannel='2000'"),
    ):
        found = read(body)
        assert isinstance(found, Fault)
        assert found.code == "E152"


def test_amplitudes_beyond_all_bounds_are_refused() -> None:
    for value in ("1e39", "-1e300", "9" * 60):
        body = made.cardiosoft(ROWS).replace(b"\n\t", f"\n\t{value},".encode(), 1)
        found = read(body)
        assert isinstance(found, Fault)
        assert found.code == "E155"


def test_ten_thousand_leads_are_refused() -> None:
    lead = b"<WaveformData lead='I'>1,2</WaveformData>"
    body = (
        made.cardiosoft(ROWS).split(b"<WaveformData")[0].replace(b">12<", b">10000<")
        + lead * 10_000
        + b"</StripData></CardiologyXML>"
    )
    found = read(body)
    assert isinstance(found, Fault)
    assert found.code == "E153"


@pytest.mark.parametrize("between", [b"", b"</sequenceSet></component><component><sequenceSet>"])
def test_ten_thousand_leads_of_an_annotated_ecg_are_refused_before_all_are_read(between: bytes) -> None:
    whole = aecg()
    begin = whole.index(b"<component><sequence>", whole.index(b"TIME_"))
    end = whole.index(b"</component>", begin) + len(b"</component>")
    lead = whole[begin:end]
    assert b"MDC_ECG_LEAD_I" in lead
    many = between.join(lead.replace(b"MDC_ECG_LEAD_I", b"MDC_ECG_LEAD_X%d" % n, 1) for n in range(10_000))
    began = time.process_time()
    found = read(whole[:begin] + many + whole[end:])
    assert isinstance(found, Fault)
    assert found.code == "E153"
    assert time.process_time() - began < 1


def archive(names: dict[str, bytes]) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as one:
        for name, data in names.items():
            one.writestr(name, data)
    return packed.getvalue()


def test_archives_are_opened_within_bounds_only() -> None:
    bomb = archive({"a.hea": b"x" * 60_000_000})
    many = archive({f"{n}.xml": b"<a/>" for n in range(200)})
    nested = archive({"a.zip": archive({"a.xml": b"<a/>"})})
    for body in (bomb, many, nested, archive({}), archive({"a.dat": b"1", "b.dat": b"2"}), bomb[:-40]):
        found = read(body)
        assert isinstance(found, Fault)
        assert found.code in ("E160", "E150")


def test_names_that_climb_are_base_names_and_nothing_else() -> None:
    files = made.wfdb_files(ROWS, "16")
    found = read(archive({f"../../etc/{name}": data for name, data in files.items()}))
    assert isinstance(found, Recording)
    header = files["made.hea"].replace(b"made.dat", b"../../../../etc/passwd")
    escape = read(archive({"made.hea": header, "made.dat": files["made.dat"]}))
    assert isinstance(escape, Fault)
    assert escape.code == "E159"


@pytest.mark.parametrize(
    "body",
    [
        gzip.compress(b"<a/>", mtime=0),
        zlib.compress(b"<a/>"),
        b"%PDF-1.7",
        b"\x89PNG\r\n",
        b"GIF89a",
        b"\x7fELF",
        b"",
        b"\0" * 600,
        b"hello",
    ],
)
def test_what_is_no_ecg_is_refused(body: bytes) -> None:
    found = read(body)
    assert isinstance(found, Fault)
    assert found.code in ("E150", "E151")


def test_a_polyglot_is_read_as_what_it_begins_with_or_refused() -> None:
    hidden = b"<AnnotatedECG>".ljust(128) + b"DICM" + b"</AnnotatedECG>"
    assert isinstance(read(hidden), Fault)


@pytest.mark.parametrize("value", ["1e400", "-1", "0", '"4"', "true", "NaN", "1e-400"])
def test_sampled_data_with_numbers_beyond_sense_is_refused(value: str) -> None:
    body = observation().decode()
    assert '"period":2' in body
    assert isinstance(read(body.replace('"period":2', f'"period":{value}').encode()), Fault)
    assert isinstance(read(body.replace('"dimensions":1', f'"dimensions":{value}').encode()), Fault)


def test_faults_carry_no_patient() -> None:
    body = json.loads(observation())
    body["subject"] = {"display": "CANARY"}
    body["component"][0]["valueSampledData"]["data"] = "CANARY"
    found = read(json.dumps(body).encode())
    assert isinstance(found, Fault)
    assert "CANARY" not in repr(found)


@given(
    st.lists(
        st.sampled_from(
            ["1", "-12", "+7", "-", "+", "--3", "1-2", "007", "123456789012345678", "1.5", "1e3", "x", "1_0", "\x1c", ""]
        )
    )
)
def test_numbers_worked_out_together_are_those_that_python_reads_one_by_one(words: list[str]) -> None:
    text = " ".join(words)
    try:
        expected = None if "_" in text else [float(word) for word in text.split()]
    except ValueError:
        expected = None
    found = numbers(text)
    assert (found is None) is (expected is None)
    assert expected is None or (found is not None and found.tolist() == expected)


def test_amplitudes_beyond_whole_numbers_are_no_steps_of_a_format() -> None:
    """Samples of 1e38 µV in steps of 1e-6 µV are more steps than 64 bits count."""
    found = read(made.cardiosoft(ROWS))
    assert isinstance(found, Recording)
    huge = replace(found, samples=found.samples + np.float32(1e38), scale=(Decimal("0.000001"),) * 12)
    told = whole(huge)
    assert isinstance(told, Fault)
    assert told.code == "E161"
