"""WFDB signal files coded as FLAC (formats 508, 516, 524 of signal(5)): a channel a signal, up to 8, 16 or 24 bits a sample.

libsndfile decodes; nothing is decoded, and nothing allocated, by what the stream's own header promises beyond the bounds. A stream
that is cut off or damaged is refused, as the rest of a compressed file cannot be vouched for.
"""

from __future__ import annotations

import io
from typing import Any

import numpy as np

from adapters.ecg.recording import MAX_SAMPLES, bad
from adapters.ecg.wfdb_signal import Steps
from engine.fault import Fault, Kind

FORMATS = {508: 8, 516: 16, 524: 24}
BITS = {"PCM_S8": 8, "PCM_16": 16, "PCM_24": 24}
FREE, RATIO = 4_000_000, 128  # samples that any file may hold, and as many more a byte of it
CHUNK = 1 << 18  # samples
PLACE = "signal file"


def decoded(data: bytes, format: int, frames: list[int], skipped: int, declared: int) -> Steps | Fault:
    """The samples in the order a plain file has them, frame by frame of the record.

    `frames` are the samples a frame of each signal, `skipped` the samples of each before the first, `declared` the frames that the
    record's header states (0 for none): not more than one frame beyond them is decoded.
    """
    if not data.startswith(b"fLaC"):
        return _not("the signal file is not FLAC, as its header says")
    if len(set(frames)) != 1:
        return _not("the signals of one FLAC file differ in samples a frame")
    try:
        import soundfile  # noqa: PLC0415
    except (ImportError, OSError):
        return Fault(Kind.UNSUPPORTED, "E157", "FLAC needs the package soundfile", PLACE, "pip install soundfile")
    try:
        with soundfile.SoundFile(io.BytesIO(data)) as stream:
            bits, width = BITS.get(stream.subtype, 99), len(frames)
            if bits > FORMATS[format] or stream.channels != width:
                return _not("the FLAC stream has other channels, or more bits a sample, than its header says")
            length = stream.frames - skipped
            length = min(length, (declared + 1) * frames[0]) if declared else length
            if (skipped + max(0, length)) * width > min(MAX_SAMPLES, FREE + RATIO * len(data)):
                return bad("E153", "there are more samples than an ECG has", PLACE, "cut the recording into pieces")
            parts = _parts(stream, skipped, length, width, 32 - bits)
    except soundfile.SoundFileError:
        return _not("the FLAC stream is cut off or damaged")
    if parts is None:
        return _not("the FLAC stream is cut off or damaged")
    whole = np.concatenate([np.zeros((0, width), np.int32), *parts])
    whole = whole[: len(whole) - len(whole) % frames[0]].reshape(-1, frames[0], width)
    return np.ascontiguousarray(whole.transpose(0, 2, 1)).reshape(-1)


def _parts(stream: Any, skipped: int, length: int, width: int, shift: int) -> list[Steps] | None:
    """The stream's samples [n, width] piece by piece; None where it ends before its length."""
    stream.seek(skipped)
    out: list[Steps] = []
    while length > 0:
        count = min(length, CHUNK // width)
        part = stream.read(count, dtype="int32", always_2d=True)
        if len(part) != count:
            return None
        out.append(part >> shift)
        length -= count
    return out


def _not(text: str) -> Fault:
    return bad("E157", text, PLACE, "write the signals again, in format 16 where FLAC cannot be kept")
