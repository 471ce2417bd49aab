"""WFDB records (PhysioNet): a header, its signal files and annotations, given as bytes by name, to a Recording.

Source: header(5), signal(5), annot(5) of the WFDB Applications Guide. Amplitude = (stored − baseline) / gain in the header's
unit. File names in a header are names only: they are looked up among the given files, never opened.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from decimal import Decimal

import numpy as np

from adapters.ecg import leads, times, wfdb_annotations, wfdb_flac, wfdb_head, wfdb_segments, wfdb_signal
from adapters.ecg.recording import MAX_SAMPLES, Annotation, Patient, Recording, Samples, bad, checked, physical, stacked
from adapters.ecg.wfdb_head import Signal, microvolts_a_step
from adapters.ecg.xml_tools import TO_UV, number
from engine.fault import Fault

RECORD = re.compile(rb"^[\w.\-]+(?:/\d+)? +\d+(?:[ \r\n]|$)")
PIECE = 1 << 20  # samples
MARK = b"\xef\xbb\xbf"
SAID = re.compile(r"^\s*(age|sex|gender)\s*[:=]\s*(\w+)\s*$", re.M | re.I)  # `Age: 51`
SEX = {"m": "male", "male": "male", "f": "female", "female": "female"}


def looks(body: bytes) -> bool:
    """Whether the bytes begin as a WFDB header does."""
    head = body[:4096].removeprefix(MARK).lstrip()
    while head.startswith(b"#"):
        head = head.partition(b"\n")[2].lstrip()
    return RECORD.match(head) is not None and b"\0" not in body[:4096]


def read(header: bytes, files: Mapping[str, bytes]) -> Recording | Fault:
    """Reads a record from its header and the files beside it."""
    lines = _text(header).splitlines()
    rows = [line.strip() for line in lines if line.strip() and not line.lstrip().startswith("#")]
    notes = [line.lstrip()[1:].strip() for line in lines if line.lstrip().startswith("#")]
    if not rows or not looks(header):
        return bad("E151", "this is not a WFDB header")
    words = rows[0].split()
    if "/" in words[0]:
        return _of_segments(words, rows[1:], notes, files)
    return _of_signals(words, rows, notes, files)


def _text(header: bytes) -> str:
    """A header in UTF-8, else in Latin-1."""
    try:
        return header[:200_000].decode("utf-8-sig")
    except UnicodeDecodeError:
        return header[:200_000].decode("latin-1")


def _of_segments(words: list[str], rows: list[str], notes: list[str], files: Mapping[str, bytes]) -> Recording | Fault:
    """A record whose header names other records; the rate, the time and the notes are the master's."""
    name, _, count = words[0].partition("/")
    parts = wfdb_segments.segments(rows, int(count) if len(count) < 6 else 0)
    if isinstance(parts, Fault):
        return parts
    layout = files.get(f"{parts[0].name}.hea", b"") if not parts[0].length else b""
    lines = [line for line in layout[:200_000].decode("utf-8", "replace").splitlines()[1:] if line.strip() and line[0] != "#"]
    found = [signal for line in lines if (signal := wfdb_head.signal(line.strip())) is not None and signal.unit in TO_UV]
    names = leads.told_apart([leads.canonical(signal.name) for signal in found])
    whole = wfdb_segments.joined(parts, names, files, _alone)
    if isinstance(whole, Fault):
        return whole
    return checked(
        replace(
            whole, start=_start(words) or whole.start, patient=_patient(notes), annotations=_marks(name, files, 1),
            comment="\n".join(notes),
        )
    )  # fmt: skip


def of_segments(header: bytes) -> bool:
    """Whether a header's first line says that the record consists of others."""
    first = next((line for line in header[:4096].splitlines() if line.strip() and not line.lstrip().startswith(b"#")), b"")
    return b"/" in first.lstrip().split(b" ")[0]


def _alone(header: bytes, files: Mapping[str, bytes]) -> Recording | Fault:
    """A segment, which holds no others."""
    return bad("E157", "a segment holds segments", "WFDB header") if of_segments(header) else read(header, files)


def _of_signals(words: list[str], rows: list[str], notes: list[str], files: Mapping[str, bytes]) -> Recording | Fault:
    """A record that holds its signals itself."""
    hertz = number(words[2].split("/")[0].split("(")[0]) if len(words) > 2 else Decimal(250)
    count = int(words[1]) if words[1].isdigit() and len(words[1]) < 6 else 0
    signals = wfdb_head.signals(rows[1:], count)
    if isinstance(signals, Fault):
        return signals
    if hertz is None or hertz <= 0:
        return bad("E154", "the sampling rate is not one", "line 1")
    volts = [signal for signal in signals if signal.unit in TO_UV]
    if not volts:
        return bad("E155", "no signal is in volts", "WFDB header")
    warnings = ["signals of another unit are left out"] if len(volts) < len(signals) else []
    warnings += ["signals that are in no file are left out"] if len(signals) < count else []
    declared = int(words[3]) if len(words) > 3 and words[3].isdigit() and len(words[3]) < 16 else 0
    samples = _samples(signals, volts, files, declared, warnings)
    if isinstance(samples, Fault):
        return samples
    multiple = max(signal.frame for signal in volts)
    marks = _marks(words[0], files, multiple)
    if declared and declared * multiple != samples.shape[1]:
        held = samples.shape[1] // multiple
        short = f"the file is cut off: {held} of {declared} samples are there"
        warnings.append(short if held < declared else "the header states another number of samples than the file holds")
        samples = samples[:, : declared * multiple]
    return checked(
        Recording(
            format="wfdb", leads=leads.told_apart([leads.canonical(signal.name) for signal in volts]), samples=samples,
            rate=float(hertz) * multiple, start=_start(words), patient=_patient(notes), annotations=marks,
            scale=tuple(microvolts_a_step(one) for one in volts), origin=(Decimal(0),) * len(volts),
            comment="\n".join(notes), warnings=tuple(warnings),
        )
    )  # fmt: skip


def _samples(
    signals: list[Signal], volts: list[Signal], files: Mapping[str, bytes], declared: int, warnings: list[str]
) -> Samples | Fault:  # fmt: skip
    """The µV of those in volts; signals of one file lie in it frame by frame."""
    rows: dict[int, Samples] = {}
    fastest = max(signal.frame for signal in volts)
    for name in dict.fromkeys(signal.file for signal in signals):
        together = [signal for signal in signals if signal.file == name]
        data = files.get(name)
        if data is None:  # names that were written where case does not matter, or with their folder
            bare = wfdb_head.base(name).lower()
            data = next((held for other, held in files.items() if other.lower() == bare), None)
        if data is None or len({(signal.format, signal.offset) for signal in together}) != 1:
            return bad("E159", "a signal file is missing, or mixes formats", "header", "send the .hea and .dat files together")
        steps = _steps(data, together, declared)
        if isinstance(steps, Fault):
            return steps
        width = sum(signal.frame for signal in together)
        frames = steps[: len(steps) - len(steps) % width].reshape(-1, width)
        if frames.shape[0] * fastest * len(signals) > MAX_SAMPLES:
            return bad("E153", "there are more samples than an ECG has")
        at = 0
        for signal in together:
            own = frames[:, at : at + signal.frame].reshape(-1)
            at += signal.frame
            if signal.checksum is not None and (int(own.sum(dtype=np.int64)) - signal.checksum) & 0xFFFF and not _gaps(own):
                warnings.append("a signal's checksum is wrong")
            if signal.unit in TO_UV:
                rows[id(signal)] = _microvolts(own, signal, fastest)
        del steps, frames, own  # before all are put together
    return stacked([rows[id(signal)] for signal in volts], warnings)


def _steps(data: bytes, together: list[Signal], declared: int) -> wfdb_signal.Steps | Fault:
    """The samples of one file, frame by frame."""
    first = together[0]
    if first.format in wfdb_flac.FORMATS:
        found = wfdb_flac.decoded(data, first.format, [signal.frame for signal in together], first.offset, declared)
        return found if isinstance(found, Fault) else wfdb_signal.marked(first.format, found)
    return wfdb_signal.decoded(first.format, data[first.offset :])


def _gaps(own: wfdb_signal.Steps) -> bool:
    return bool((own == wfdb_signal.MISSING).any())


def _microvolts(own: wfdb_signal.Steps, signal: Signal, fastest: int) -> Samples:
    step, values = microvolts_a_step(signal), np.empty(len(own), np.float32)
    for at in range(0, len(own), PIECE):  # of a day's recording, wide numbers are three times the file
        piece = own[at : at + PIECE]
        values[at : at + PIECE] = physical(piece.astype(np.int64) - signal.baseline, step)
        values[at : at + PIECE][piece == wfdb_signal.MISSING] = np.nan
    if signal.skew:
        values = np.concatenate([values[signal.skew :], np.full(min(signal.skew, len(values)), np.nan, np.float32)])
    return np.repeat(values, fastest // signal.frame) if signal.frame < fastest and fastest % signal.frame == 0 else values


def _start(words: list[str]) -> datetime | None:
    """Base time and date, when both are there."""
    if len(words) < 6:
        return None
    clock = words[4] if re.match(r"^\d\d:\d\d:\d\d", words[4]) else "0" + words[4]
    day = re.match(r"^(\d\d)/(\d\d)/(\d{4})$", words[5])
    return times.parts(f"{day.group(3)}-{day.group(2)}-{day.group(1)}", clock) if day else None


def _patient(notes: list[str]) -> Patient:
    """Age and sex from `<age>: 51 <sex>: F` or `Age: 51` comments, or from a first comment such as `69 M 1085 …`."""
    text = "\n".join(notes)
    said: dict[str, str] = {name.lower(): value for name, value in SAID.findall(text)}
    said |= dict(re.findall(r"<(\w+)>:\s*([^<]+?)\s*(?=<|$)", text, re.M))
    first = re.match(r"^(\d{1,3}) ([MF])\b", notes[0]) if notes else None
    age, sex = said.get("age", ""), said.get("sex") or said.get("gender", "")
    if first and not said:
        age, sex = first[1], first[2]
    return Patient(sex=SEX.get(sex.lower(), ""), age=f"{age} a" if age.isdigit() else "")


def _marks(record: str, files: Mapping[str, bytes], multiple: int) -> tuple[Annotation, ...]:
    """Beats from `.atr`, and the waves of per-lead annotation files."""
    out: list[Annotation] = []
    for name, data in files.items():
        stem, _, suffix = name.rpartition(".")
        if stem == record and suffix not in ("dat", "hea", "mat", "xws"):
            lead = "" if suffix in ("atr", "qrs", "ecg", "ari") else leads.canonical(suffix)
            out += wfdb_annotations.read(data, lead, multiple)
    return tuple(sorted(out, key=lambda mark: (mark.start, mark.lead)))
