"""BDF and BDF+ (BioSemi): EDF with samples of 24 bits. Source: https://www.biosemi.com/faq/file_format.htm; BDF+ as pyedflib writes it.

The status channel has no unit of volts and is left out with a warning, as EDF's other signals are.
"""

from __future__ import annotations

from adapters.ecg import edf
from adapters.ecg.edf_head import Form
from adapters.ecg.recording import Recording
from engine.fault import Fault

BDF = Form("bdf", b"\xffBIOSEMI", 3, b"BDF+", "BDF Annotations")


def looks(body: bytes) -> bool:
    """Whether the bytes begin as BDF does."""
    return edf.looks(body, BDF)


def read(body: bytes) -> Recording | Fault:
    """Reads a BDF or BDF+ file."""
    return edf.read(body, BDF)
