"""Megabytes made to cost time or memory are refused within a second, in bounded memory."""

from __future__ import annotations

import resource
import struct
import time
from collections.abc import Callable

import ecg_made as made
import pytest
from ecg_seeds import ROWS, archive, written

from adapters.ecg import read
from engine.fault import Fault


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
    "a zip of zeros": lambda: archive({"a.dat": bytes(100_000_000)}),
    "scp with all the leads and samples": lambda: made.scp(CODED | {3: scp_leads(85, 2**31), 6: bytes(100_000)}),
    "scp of zeros": lambda: made.scp(
        CODED | {3: scp_leads(9, 500_000), 6: struct.pack("<HHBB9H", 2500, 2000, 2, 0, *[65535] * 9) + bytes(590_000)}
    ),
    "dicom of tiny elements": lambda: big(META, b"\x09\0\x10\0UN\0\0\0\0\0\0"),
    "dicom of nested sequences": lambda: big(META, OPEN_SEQUENCE),
    "edf of a hundred million samples": lambda: edf_of(1, "99999999", "-1") + bytes(5_000_000),
    "edf of many records": lambda: edf_of(1, "2", "99999999") + bytes(5_000_000),
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
    whole = written("aecg")
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
