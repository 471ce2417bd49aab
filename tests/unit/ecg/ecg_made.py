"""ECG files written from the formats' descriptions, independently of the readers and writers they test."""

from ecg_made_dicom import dicom, dicom_again
from ecg_made_edf import bdf, edf, edf_signals, interrupted
from ecg_made_scp import scp, scp_block, scp_leads
from ecg_made_wfdb import wfdb_files
from ecg_made_xml import aecg, cardiosoft, mortara, muse, schiller, sierra
from ecg_tracing import STANDARD, tracing

__all__ = [
    "STANDARD",
    "aecg",
    "bdf",
    "cardiosoft",
    "dicom",
    "dicom_again",
    "edf",
    "edf_signals",
    "interrupted",
    "mortara",
    "muse",
    "schiller",
    "scp",
    "scp_block",
    "scp_leads",
    "sierra",
    "tracing",
    "wfdb_files",
]
