"""SCP-ECG: codings, tables, reference beats and damaged records, from records made by EN 1064's description."""

from __future__ import annotations

import struct

import ecg_made as made
import numpy as np
import pytest
from ecg_read_back import ROWS, good, same

from adapters.ecg import read
from adapters.ecg.scp_sections import packed
from engine.fault import Fault


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


def test_the_long_recordings_of_the_third_version_are_refused_by_name() -> None:
    found = read(packed({3: made.scp_leads(12, 1000), 12: bytes(1000)}))
    assert isinstance(found, Fault)
    assert (found.code, found.at) == ("E157", "section 12")
    assert found.help
