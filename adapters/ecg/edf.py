"""EDF and EDF+ (Kemp 1992, 2003): bytes to a Recording. `bdf.py` has what differs in BioSemi's 24 bits.

Signals in volts at the highest rate become leads; others are left out with a warning. The pieces of a discontinuous EDF+ file
stand at their own times with gaps between them. A file that is cut off, or was never closed (-1 records), is read up to its last whole
data record with a warning, as nothing but its end is missing.
"""

from __future__ import annotations

import re
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from adapters.ecg.edf_head import (
    Form,
    Signal,
    device_of,
    figure,
    filters_of,
    is_ecg,
    lead_of,
    patient_of,
    signals_of,
    start_of,
    text_at,
)
from adapters.ecg.recording import MAX_SAMPLES, Annotation, Recording, Samples, bad, checked, physical
from adapters.ecg.xml_tools import TO_UV
from engine.fault import Fault

MARK = re.compile(rb"([+-]\d{1,12}(?:\.\d{1,9})?)(?:\x15(\d{1,12}(?:\.\d{1,9})?))?\x14([^\x00]*)\x14\x00")
EDF = Form("edf", b"0       ", 2, b"EDF+", "EDF Annotations")


def looks(body: bytes, form: Form = EDF) -> bool:
    """Whether the bytes begin as the form does: its version, and a header length that fits the number of signals."""
    count, size = text_at(body, 252, 4), text_at(body, 184, 8)
    if body[:8].replace(b"\0", b" ") != form.begins or len(body) < 512 or not (count + size).isdecimal() or not count or not size:
        return False
    return int(size) == 256 * (1 + int(count))


def read(body: bytes, form: Form = EDF) -> Recording | Fault:
    """Reads an EDF or EDF+ file."""
    if not looks(body, form):
        return bad("E151", f"this is not {form.name.upper()}")
    count = int(text_at(body, 252, 4))
    seconds, declared = figure(text_at(body, 244, 8)), figure(text_at(body, 236, 8))
    if not 0 < count <= 512 or len(body) < 256 * (1 + count) or seconds is None or seconds <= 0 or declared is None:
        return bad("E158", "the header makes no sense", f"{form.name.upper()} header")
    signals = signals_of(body, count, form)
    if isinstance(signals, Fault):
        return signals
    width = form.size * sum(signal.count for signal in signals)
    raw = np.frombuffer(body, np.uint8, offset=256 * (1 + count))
    whole = len(raw) // width if width else 0
    if not whole:
        return bad("E152", "there is not one whole data record", f"{form.name.upper()} header")
    if declared * (width // form.size) > MAX_SAMPLES:
        return bad("E153", "the header declares more samples than an ECG has", f"{form.name.upper()} header")
    records = raw[: width * whole].reshape(whole, width)
    warnings = _odd(int(declared), whole, bool(len(raw) % width))
    return _recording(body, form, signals, records[: int(declared)] if declared > 0 else records, float(seconds), warnings)


def _odd(declared: int, whole: int, rest: bool) -> list[str]:
    """What is odd about the number of data records; `rest` says whether a piece of one more is there."""
    if declared < 0:
        told = ["the header does not say how many data records there are, as that of a recording that was not closed"]
        return told + (["the last data record is cut off and left out"] if rest else [])
    if declared > whole:
        return [f"the file is cut off: {whole} of {declared} data records are there"]
    return ["the file holds more data records than declared"] if declared < whole else []


def _recording(
    body: bytes, form: Form, signals: list[Signal], records: NDArray[np.uint8], seconds: float, warnings: list[str]
) -> Recording | Fault:  # fmt: skip
    volts = [signal for signal in signals if signal.unit in TO_UV and signal.count]
    volts = [signal for signal in volts if is_ecg(signal)] or volts  # beside the brain's, which are sampled faster
    if not volts:
        return bad("E155", "no signal is in volts", f"{form.name.upper()} header")
    chosen = [signal for signal in volts if signal.count == max(one.count for one in volts)]
    if len(chosen) < sum(signal.label != form.notes for signal in signals):
        warnings.append("signals of another unit or a lower rate are left out")
    if sum(one.count for one in chosen) * len(records) > MAX_SAMPLES:
        return bad("E153", "there are more samples than an ECG has")
    onsets, marks = _marks([one for one in signals if one.label == form.notes], records, form.size)
    hertz = chosen[0].count / seconds
    parts = [physical(_steps(records, one, form.size), one.scale, one.origin) for one in chosen]
    samples = (
        _placed(parts, onsets, seconds, hertz, warnings)
        if body[192:197] == form.plus + b"D"
        else np.stack([p.reshape(-1) for p in parts])
    )
    if isinstance(samples, Fault):
        return samples
    return checked(
        Recording(
            format=form.name, leads=tuple(lead_of(signal.label) for signal in chosen), samples=samples, rate=hertz, start=start_of(body),
            patient=patient_of(text_at(body, 8, 80), body[192:196] == form.plus), device=device_of(text_at(body, 88, 80)),
            filters=filters_of(chosen[0].filter), scale=tuple(one.scale for one in chosen), origin=tuple(one.origin for one in chosen),
            annotations=tuple(Annotation(text, round(at * hertz), round((at + span) * hertz) if span else None) for at, span, text in marks),
            warnings=tuple(warnings),
        )
    )  # fmt: skip


def _steps(records: NDArray[np.uint8], signal: Signal, size: int) -> NDArray[Any]:
    """A signal's samples [records, count]."""
    found = np.ascontiguousarray(records[:, size * signal.at : size * (signal.at + signal.count)])
    if size == 2:
        return found.view("<i2")
    wide = np.zeros((len(found), signal.count, 4), np.uint8)
    wide[:, :, 1:] = found.reshape(len(found), signal.count, 3)
    return wide.view("<i4")[:, :, 0] >> 8


def _marks(signals: list[Signal], records: NDArray[np.uint8], size: int) -> tuple[list[float], list[tuple[float, float, str]]]:
    """The onset of every record, and (onset, duration, text) of every annotation, in seconds."""
    onsets: list[float] = []
    marks: list[tuple[float, float, str]] = []
    for signal in signals:
        first = not onsets
        for row in records[:, size * signal.at : size * (signal.at + signal.count)]:
            for index, found in enumerate(MARK.finditer(row.tobytes())):
                at, span, texts = float(found[1]), float(found[2] or 0), found[3].split(b"\x14")
                if first and index == 0:
                    onsets.append(at)
                marks += [(at, span, text.decode("utf-8", "replace")) for text in texts if text]
    return onsets, marks[:100_000]


def _placed(parts: list[Samples], onsets: list[float], seconds: float, hertz: float, warnings: list[str]) -> Samples | Fault:
    """Records at their onsets, NaN between them."""
    count = len(parts[0])
    if len(onsets) != count or any(b < a + seconds - 1e-6 for a, b in pairwise(onsets)):
        return bad("E158", "a discontinuous file without the times of its records", "annotations")
    length = round((onsets[-1] - onsets[0] + seconds) * hertz)
    if length * len(parts) > min(MAX_SAMPLES, 50 * sum(part.size for part in parts) + 1_000_000):
        return bad("E153", "the gaps between the records are longer than is read", "annotations")
    out = np.full((len(parts), length), np.nan, np.float32)
    for index, onset in enumerate(onsets):
        begin = round((onset - onsets[0]) * hertz)
        size = min(parts[0].shape[1], length - begin)
        for row, part in zip(out, parts, strict=True):
            row[begin : begin + size] = part[index][:size]
    warnings.append("the recording was interrupted; gaps stand between its pieces")
    return out
