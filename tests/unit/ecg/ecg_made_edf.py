"""EDF and BDF files, written by pyedflib."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from ecg_tracing import STANDARD, Steps


def edf(rows: Steps, rate: int = 500, plus: bool = True) -> bytes:
    """Sixteen bits over ±8192 µV; EDF+ where `plus` is so, with a patient and a mark of a beat after half a second."""
    head = {"physical_max": 8192.0, "physical_min": -8192.0, "digital_max": 32767, "digital_min": -32768}
    return _written("EDF", rows, plus, {**head, "sample_frequency": rate, "prefilter": "HP:0.05Hz LP:150Hz"})


def bdf(rows: Steps, rate: int = 500, plus: bool = True) -> bytes:
    """Twenty-four bits in steps of 1/32 µV, about as BioSemi's amplifiers have them."""
    head = {"physical_max": 200000, "physical_min": -200000, "digital_max": 6400000, "digital_min": -6400000}
    return _written("BDF", rows, plus, {**head, "sample_frequency": rate, "prefilter": ""})


def _written(kind: str, rows: Steps, plus: bool, head: dict[str, Any]) -> bytes:
    import pyedflib

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"made.{kind.lower()}"
        file_type = getattr(pyedflib, f"FILETYPE_{kind}{'PLUS' if plus else ''}")
        with pyedflib.EdfWriter(str(path), len(rows), file_type=file_type) as writer:
            for n, lead in enumerate(STANDARD[: len(rows)]):
                writer.setSignalHeader(n, {"label": f"ECG {lead}", "dimension": "uV", "transducer": "", **head})
            if plus:
                writer.setPatientCode("P-7")
                writer.setSex(0)
                writer.writeAnnotation(0.5, -1, "beat")
            writer.writeSamples([np.ascontiguousarray(row, dtype=np.int32) for row in rows], digital=True)
        return path.read_bytes()


def interrupted(whole: bytes) -> bytes:
    """The same file of two seconds, with its second one two seconds later."""
    body = bytearray(whole)
    assert body[195:197] == b"+C"
    body[195:197] = b"+D"
    at = body.rindex(b"+1\x14\x14")
    body[at : at + 4] = b"+3\x14\x14"
    return bytes(body)


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
