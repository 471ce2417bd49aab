"""SCP-ECG out (EN 1064): rhythm data as plain 16-bit samples, texts in the simplest character set that holds them, which is named."""

from __future__ import annotations

import struct
from dataclasses import replace
from datetime import datetime

from adapters.ecg.leads import SCP
from adapters.ecg.recording import Recording, bad
from adapters.ecg.scp_sections import packed
from adapters.ecg.scp_text import code_for, written
from adapters.ecg.whole import Whole, Written, common, no_gaps, notes, whole
from engine.fault import Fault

AGES = {"a": 1, "mo": 2, "wk": 3, "d": 4, "h": 5}
SEX = {"male": 1, "female": 2}
NONE = 29999
LONGEST = 32767  # samples a lead: lengths in bytes are 16-bit


def write(recording: Recording, name: str = "ecg") -> Written | Fault:
    """One SCP-ECG record."""
    interval = 1e6 / recording.rate
    unknown = [lead for lead in recording.leads if lead not in SCP]
    if unknown:
        return bad("E161", "SCP-ECG has no number for a lead", f"lead {unknown[0][:20]}")
    if abs(interval - round(interval)) > 1e-6 or not 0 < interval < 65536 or recording.samples.shape[1] > LONGEST:
        return bad("E161", "SCP-ECG holds whole µs between samples, and 32767 samples a lead at most", help="resample, or cut it")
    found = whole(recording)
    if isinstance(found, Fault):
        return found
    gaps = no_gaps(found, "SCP-ECG")
    if gaps:
        return gaps
    same = common(found)
    if same is None:  # steps of no whole nV, or of several sizes
        found = whole(replace(recording, scale=(), origin=()))
        same = common(found) if isinstance(found, Whole) else None
    if same is None or isinstance(found, Fault) or not 0 < same.scale[0] * 1000 < 65536:
        return bad("E161", "the amplitudes are not whole steps of one size in nV")
    length = recording.samples.shape[1]
    count = len(recording.leads)
    leads = bytes([count, 4 | min(count, 31) << 3]) + b"".join(
        struct.pack("<IIB", 1, length, SCP[lead]) for lead in recording.leads
    )
    code = _code(recording)
    parts = {1: _patient(recording, code), 3: leads, 6: _block(same, round(interval)), 7: _measurements(recording)}
    if recording.statements:
        parts[8] = _statements(recording, code)
    return Written({f"{name}.scp": packed({number: data for number, data in parts.items() if data})}, notes(found))


def _block(same: Whole, interval: int) -> bytes:
    rows = [row.astype("<i2").tobytes() for row in same.steps]
    head = struct.pack("<HHBB", int(same.scale[0] * 1000), interval, 0, 0)
    return head + b"".join(struct.pack("<H", len(row)) for row in rows) + b"".join(rows)


def _age(text: str) -> bytes:
    """`50 a` as number and unit; empty where it is not so."""
    number, _, unit = text.partition(" ")
    fits = number.isascii() and number.isdigit() and len(number) < 5 and unit in AGES
    return struct.pack("<HB", int(number), AGES[unit]) if fits else b""


def _tag(number: int, data: bytes) -> bytes:
    return struct.pack("<BH", number, len(data)) + data if data else b""


def _code(one: Recording) -> int:
    """The language support code that fits all texts which are written."""
    who, device = one.patient, one.device
    said = [
        who.family or who.name,
        who.given,
        who.id,
        one.comment,
        one.order,
        device.serial,
        device.software,
        device.manufacturer,
    ]
    return code_for("\n".join([*said, *(statement.text for statement in one.statements)]))


def _patient(recording: Recording, code: int) -> bytes:
    who, start, filters = recording.patient, recording.start, recording.filters
    bitmap = {60.0: 1, 50.0: 2}.get(filters.notch or 0, 0)
    tags = [
        _tag(0, written(who.family or who.name, code)), _tag(1, written(who.given, code)), _tag(2, written(who.id, code)),
        _tag(4, _age(who.age)),
        _tag(5, _day(who.birth_date)),
        _tag(8, bytes([SEX[who.sex]]) if who.sex in SEX else b""), _tag(14, _device(recording, code)), *_times(start),
        _tag(27, struct.pack("<H", min(65535, round(filters.high_pass * 100))) if filters.high_pass else b""),
        _tag(28, struct.pack("<H", min(65535, round(filters.low_pass))) if filters.low_pass else b""),
        _tag(29, bytes([bitmap]) if bitmap else b""), _tag(30, written(recording.comment, code)), _tag(31, written(recording.order, code)),
    ]  # fmt: skip
    return b"".join(tags) + struct.pack("<BH", 255, 0)


def _day(iso: str) -> bytes:
    if len(iso) != 10:
        return b""
    year, month, day = (int(part) for part in iso.split("-"))
    return struct.pack("<HBB", year, month, day)


def _times(start: datetime | None) -> list[bytes]:
    if start is None:
        return []
    out = [
        _tag(25, struct.pack("<HBB", start.year, start.month, start.day)),
        _tag(26, bytes([start.hour, start.minute, start.second])),
    ]
    shift = start.utcoffset()
    return [*out, _tag(34, struct.pack("<hHB", int(shift.total_seconds() // 60), 0, 0))] if shift is not None else out


def _device(recording: Recording, code: int) -> bytes:
    device = recording.device
    head = (
        bytes(6)
        + b"\0\xff"
        + device.model.encode("ascii", "replace")[:5].ljust(6, b"\0")
        + bytes([20, 160, code, 0, 0])
        + bytes(16)
    )
    return (
        head.ljust(35, b"\0")
        + b"\0"
        + b"".join(written(part, code) or b"\0" for part in ("", device.serial, device.software, "Isthmus", device.manufacturer))
    )


def _measurements(recording: Recording) -> bytes:
    """Section 7: the intervals written as boundaries that begin with P, which is how the format holds them."""
    known = {one.name: int(one.value) for one in recording.measurements if not one.lead}
    if not known:
        return b""
    begin = 0 if "pr" in known else NONE
    on = known.get("pr", 0)
    spans = [begin, known["p_duration"] if "pr" in known and "p_duration" in known else NONE]
    spans += [on, on + known["qrs"] if "qrs" in known else NONE, on + known["qt"] if "qt" in known else NONE]
    axes = [known.get(name, NONE) for name in ("p_axis", "qrs_axis", "t_axis")]
    formula, corrected = next(
        (
            (n, known[name])
            for n, name in enumerate(("qtc", "qtc_bazett", "qtc_hodges", "qtc_fridericia", "qtc_framingham"))
            if name in known
        ),
        (0, NONE),
    )
    tail = struct.pack("<HHHHB", 0, known.get("heart_rate", NONE), known.get("atrial_rate", NONE), corrected, formula)
    return struct.pack("<BBHH", 1, 0, known.get("rr", NONE), NONE) + struct.pack("<5H3h", *spans, *axes) + tail


def _statements(recording: Recording, code: int) -> bytes:
    stamp = recording.start
    head = b"\0" + (
        struct.pack("<HBBBBB", stamp.year, stamp.month, stamp.day, stamp.hour, stamp.minute, stamp.second) if stamp else bytes(7)
    )
    said = [written(one.text, code) for one in recording.statements][:255]
    return head + bytes([len(said)]) + b"".join(struct.pack("<BH", n + 1, len(one)) + one for n, one in enumerate(said))
