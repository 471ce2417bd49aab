"""DICOM waveform objects, written by pydicom."""

from __future__ import annotations

import io

import numpy as np
from ecg_tracing import Steps


def dicom(groups: list[tuple[tuple[str, ...], Steps, str]], rate: int = 500, step: str = "2.5", explicit: bool = True) -> bytes:
    """Written by pydicom: groups of (leads, steps, label)."""
    from pydicom.dataset import Dataset, FileMetaDataset
    from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian, TwelveLeadECGWaveformStorage, generate_uid

    def code(value: str, scheme: str, meaning: str) -> Dataset:
        one = Dataset()
        one.CodeValue, one.CodingSchemeDesignator, one.CodeMeaning = value, scheme, meaning
        return one

    data = Dataset()
    data.file_meta = FileMetaDataset()
    data.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian if explicit else ImplicitVRLittleEndian
    data.file_meta.MediaStorageSOPClassUID = data.SOPClassUID = TwelveLeadECGWaveformStorage
    data.file_meta.MediaStorageSOPInstanceUID = data.SOPInstanceUID = generate_uid(entropy_srcs=["made"])
    data.PatientName, data.PatientID, data.PatientBirthDate, data.PatientSex = "Test^Dicom", "D-1", "19800102", "F"
    data.SpecificCharacterSet, data.AcquisitionDateTime, data.Modality = "ISO_IR 192", "20200102030405.500+0100", "ECG"
    data.WaveformSequence = []
    numbers = {"I": 1, "II": 2, "III": 61, "aVR": 62, "aVL": 63, "aVF": 64} | {f"V{n}": n + 2 for n in range(1, 7)}
    for leads, steps, label in groups:
        group = Dataset()
        group.WaveformOriginality = "DERIVED" if "MEDIAN" in label else "ORIGINAL"
        group.NumberOfWaveformChannels, group.NumberOfWaveformSamples = len(leads), steps.shape[1]
        group.SamplingFrequency, group.MultiplexGroupLabel = str(rate), label
        group.ChannelDefinitionSequence = []
        for lead in leads:
            channel = Dataset()
            channel.ChannelSourceSequence = [code(f"5.6.3-9-{numbers[lead]}", "SCPECG", f"Lead {lead}")]
            channel.ChannelSensitivity, channel.ChannelSensitivityCorrectionFactor, channel.ChannelBaseline = step, "1", "0"
            channel.ChannelSensitivityUnitsSequence = [code("uV", "UCUM", "microvolt")]
            channel.WaveformBitsStored = 16
            group.ChannelDefinitionSequence.append(channel)
        group.WaveformBitsAllocated, group.WaveformSampleInterpretation = 16, "SS"
        group.WaveformData = steps.T.astype("<i2").tobytes()
        data.WaveformSequence.append(group)
    out = io.BytesIO()
    data.save_as(out, enforce_file_format=True)
    return out.getvalue()


def dicom_again(body: bytes, syntax: str) -> bytes:
    """The same object in another transfer syntax, written by pydicom; words of big-endian waveforms are turned."""
    import pydicom
    from pydicom.uid import UID

    data, out = pydicom.dcmread(io.BytesIO(body)), io.BytesIO()
    data.file_meta.TransferSyntaxUID = UID(syntax)
    if not data.file_meta.TransferSyntaxUID.is_little_endian:
        for group in data.WaveformSequence:
            group.WaveformData = np.frombuffer(group.WaveformData, "<i2").astype(">i2").tobytes()
    pydicom.dcmwrite(out, data, enforce_file_format=True)
    return out.getvalue()
