"""ECG files out: one writer a format; a `Recording` written and read again has the same samples."""

from __future__ import annotations

from adapters.ecg.recording import Recording
from adapters.ecg.whole import Written
from adapters.ecg.write import aecg, csv_file, dicom, fhir, scp, wfdb
from engine.fault import Fault, Kind

WRITERS = {
    "aecg": aecg.write, "dicom": dicom.write, "scp": scp.write, "wfdb": wfdb.write, "csv": csv_file.write, "fhir": fhir.write,
}  # fmt: skip
SUFFIXES = {".xml": "aecg", ".dcm": "dicom", ".scp": "scp", ".hea": "wfdb", ".zip": "wfdb", ".csv": "csv", ".json": "fhir"}


def write(recording: Recording, format: str, name: str = "ecg") -> Written | Fault:
    """The recording as files of a format; `name` is the record's name where the format has one."""
    writer = WRITERS.get(format)
    if writer is None:
        return Fault(Kind.UNSUPPORTED, "E150", "no format that is written", format[:40], f"one of {', '.join(WRITERS)}")
    return writer(recording, name)
