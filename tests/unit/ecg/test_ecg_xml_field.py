"""XML as devices of the field write it, where it differs from the formats' descriptions."""

from __future__ import annotations

import base64
import re

import ecg_made as made
import numpy as np
import pytest

from adapters.ecg import Recording, read

ROWS = made.tracing(length=500)


def good(body: bytes) -> Recording:
    found = read(body)
    assert isinstance(found, Recording), found
    return found


def same(one: Recording, step: float) -> None:
    assert one.leads == made.STANDARD
    assert np.array_equal(one.samples, (ROWS * step).astype(np.float32))


def sequence(code: str, unit: str, digits: str) -> bytes:
    return (
        f'<component><sequence><code code="{code}"/><value xsi:type="SLIST_PQ"><origin value="0" unit="{unit}"/>'
        f'<scale value="1" unit="{unit}"/><digits>{digits}</digits></value></sequence></component></sequenceSet>'
    ).encode()


@pytest.mark.parametrize(
    ("added", "warning"),
    [
        (sequence("MDC_RESP", "Ohm", "1 2 3"), "signals of another unit are left out"),
        (sequence("MDC_ECG_LEAD_V7", "uV", ""), "leads without samples are left out"),
    ],
)
def test_what_is_no_lead_of_an_aecg_costs_the_leads_nothing(added: bytes, warning: str) -> None:
    one = good(made.aecg(ROWS).replace(b"</sequenceSet>", added))
    same(one, 2.5)
    assert one.warnings == (warning,)


def test_an_aecg_lead_in_no_unit_of_volts_is_still_refused() -> None:
    assert not isinstance(
        read(made.aecg(ROWS).replace(b'<scale value="2.5" unit="uV"/>', b'<scale value="2.5" unit="kg"/>')), Recording
    )


def test_a_sierra_document_is_told_by_either_name_of_its_root() -> None:
    same(good(made.sierra(ROWS, "1.03", charset="utf-8").replace(b"restingecgdata", b"restecgdata")), 5)


def test_a_sierra_document_saved_as_utf_8_keeps_its_old_declaration() -> None:
    same(good(made.sierra(ROWS, charset="utf-8").replace(b"UTF-8", b"UTF-16")), 5)


def test_where_nobody_confirmed_a_muse_diagnosis_the_devices_own_is_read() -> None:
    body = made.muse(ROWS[:8], ROWS[:8, :300])
    own = re.sub(rb"(</?)(Diagnosis|RestingECGMeasurements)>", rb"\1Original\2>", body)
    assert [one.text for one in good(own).statements] == ["Normal sinus rhythm", "Otherwise normal ECG"]
    assert good(own).measurements == good(body).measurements != ()
    other = b"<OriginalDiagnosis><DiagnosisStatement><StmtText>Overruled</StmtText></DiagnosisStatement></OriginalDiagnosis>"
    both = body.replace(b"<Diagnosis>", other + b"<Diagnosis>")
    assert good(both).statements == good(own).statements


@pytest.mark.parametrize(("bits", "signed", "kind"), [("32", "SIGNED", "<i4"), ("8", "SIGNED", "i1"), ("16", "UNSIGNED", "<u2")])
def test_a_mortara_channel_may_be_of_other_bits(bits: str, signed: str, kind: str) -> None:
    rows = np.abs(ROWS) % 100
    body = made.mortara(rows)
    for row in rows:
        body = body.replace(base64.b64encode(row.astype("<i2").tobytes()), base64.b64encode(row.astype(kind).tobytes()))
    one = good(body.replace(b'BITS="16" FORMAT="SIGNED"', f'BITS="{bits}" FORMAT="{signed}"'.encode()))
    assert np.array_equal(one.samples, ((rows + 7) * 2.5).astype(np.float32))


def group(leads: tuple[str, ...], rows: np.ndarray, head: str) -> bytes:
    clock = f'<code code="TIME_ABSOLUTE"/><value><head value="{head}"/><increment value="0.002" unit="s"/></value>'
    parts = [f"<component><sequence>{clock}</sequence></component>"]
    for lead, row in zip(leads, rows, strict=True):
        value = f'<value><scale value="2.5" unit="uV"/><digits>{" ".join(map(str, row))}</digits></value>'
        parts.append(f'<component><sequence><code code="MDC_ECG_LEAD_{lead}"/>{value}</sequence></component>')
    return f"<component><sequenceSet>{''.join(parts)}</sequenceSet></component>".encode()


@pytest.mark.parametrize("first", [True, False])
def test_of_an_aecg_lead_in_a_column_and_in_a_strip_the_longer_one_is_read(first: bool) -> None:
    columns = [
        group(made.STANDARD[6 * n : 6 * n + 6], ROWS[6 * n : 6 * n + 6, 250 * n : 250 * n + 250], f"20200102030405.{5 * n}00")
        for n in range(2)
    ]
    strip = group(("II",), ROWS[1:2], "20200102030405.000")
    one = good(
        b"<AnnotatedECG><component><series>"
        + b"".join([strip, *columns] if first else [*columns, strip])
        + b"</series></component></AnnotatedECG>"
    )
    known = np.isfinite(one.samples)
    assert one.leads == made.STANDARD
    assert known.sum(axis=1).tolist() == [250, 500, *[250] * 10]
    assert np.array_equal(one.samples[known], (ROWS * 2.5).astype(np.float32)[known])


def test_leads_that_a_muse_recorder_calls_off_are_told() -> None:
    body = made.muse(ROWS[:8], ROWS[:8, :300])
    assert good(body).warnings == ()
    for lead in (b"V1", b"V3"):
        body = body.replace(b"<LeadID>" + lead, b"<LeadOff>TRUE</LeadOff><LeadID>" + lead)
    assert good(body).warnings == ("the recorder says that a lead was off: V1, V3",)


def crc32(data: bytes) -> int:
    """CRC-32 as ITU-T V.42 has it, bit by bit."""
    value = 0xFFFFFFFF
    for byte in data:
        value ^= byte
        for _ in range(8):
            value = value >> 1 ^ (0xEDB88320 if value & 1 else 0)
    return value ^ 0xFFFFFFFF


def test_the_checksums_of_a_muse_file_are_checked_where_they_are_stated() -> None:
    assert crc32(b"123456789") == 0xCBF43926
    body = made.muse(ROWS[:8], ROWS[:8, :300])
    assert good(body).warnings == ()  # 0 states none, as converters write it
    sums = [crc32(row.astype("<i2").tobytes()) for row in (*ROWS[:8, :300], *ROWS[:8])]
    parts = body.split(b"<LeadDataCRC32>0<")
    stated = b"".join(part + b"<LeadDataCRC32>%d<" % one for part, one in zip(parts, sums, strict=False)) + parts[-1]
    assert good(stated).warnings == ()
    signed = stated.replace(b">%d<" % max(sums), b">%d<" % (max(sums) - (1 << 32)))
    assert good(signed).warnings == ()
    wrong = stated.replace(b">%d<" % sums[9], b">%d<" % (sums[9] ^ 1)).replace(b">%d<" % sums[15], b">7<")
    one = good(wrong)
    assert one.warnings == ("the checksum of a lead's samples is wrong: II, V6",)
    assert (one.samples == good(body).samples).all()
    beat = good(stated.replace(b">%d<" % sums[0], b">7<"))
    assert beat.warnings == ("the checksum of the representative beat's samples is wrong: I",)
