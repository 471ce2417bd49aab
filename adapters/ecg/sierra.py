"""Philips Sierra XML 1.03, 1.04 and 1.04.01 (`restingecgdata`), plain or XLI: bytes to a Recording.

Steps are 5 µV at 500 Hz unless the file says otherwise. Some devices end every lead with a 1 mV calibration pulse; it is left in
the samples and marked.
"""

from __future__ import annotations

from decimal import Decimal

import numpy as np
from lxml.etree import _Element

from adapters.ecg import leads as names
from adapters.ecg import times, xli
from adapters.ecg.measures import measurement
from adapters.ecg.recording import (
    Annotation,
    Device,
    Filters,
    Measurement,
    Median,
    Patient,
    Recording,
    Samples,
    Statement,
    bad,
    checked,
    physical,
    stacked,
)  # fmt: skip
from adapters.ecg.xml_tools import attribute, decoded, each, int16, number, plain, rate, text
from engine import safe_xml
from engine.fault import Fault

MOST = 1_000_000  # samples of one lead
SEX = {"male": "male", "female": "female", "unknown": "unknown", "other": "other"}
MEASURES = {
    "heart_rate": ("heartrate", "meanventrate"), "rr": ("rrint",), "atrial_rate": ("atrialrate",), "p_duration": ("pdur",),
    "pr": ("print", "meanprint"), "qrs": ("qrsdur", "meanqrsdur"), "qt": ("qtint", "meanqtint"), "qtc": ("meanqtc",),
    "qtc_bazett": ("qtcb",), "qtc_fridericia": ("qtcf",), "p_axis": ("pfrontaxis",), "qrs_axis": ("qrsfrontaxis",),
    "t_axis": ("tfrontaxis",),
}  # fmt: skip


def read(body: bytes) -> Recording | Fault:
    """Reads a `restingecgdata` document."""
    root = safe_xml.parse(body)
    return root if isinstance(root, Fault) else from_tree(plain(root))


def from_tree(root: _Element) -> Recording | Fault:
    """Reads the parsed document, its own namespace taken off."""
    waves = root.find(".//parsedwaveforms")
    if waves is None:
        return bad("E152", "there are no parsed waveforms", "restingecgdata/waveforms")
    signal = root.find("dataacquisition/signalcharacteristics")
    hertz = rate(waves.get("samplespersecond") or text(signal, "samplingrate"))
    step = number(waves.get("resolution") or text(signal, "resolution") or text(signal, "signalresolution") or "5")
    labels = _labels(root, waves)
    length = rate(waves.get("durationperchannel", "")) * hertz / 1000
    if step is None or not 0 < length <= MOST or length != int(length):
        return bad("E153", "duration, rate or resolution make no sense", "parsedwaveforms")
    rows = _rows(waves, labels, int(length))
    if isinstance(rows, Fault):
        return rows
    samples = physical(np.array(rows), step)
    pulse = _calibration(samples, hertz)
    return checked(
        Recording(
            format="sierra", leads=tuple(names.canonical(label) for label in labels), samples=samples, rate=hertz,
            start=times.parts(attribute(root, "dataacquisition", "date"), attribute(root, "dataacquisition", "time")),
            patient=_patient(root), device=_device(root), filters=_filters(root, signal), measurements=_measurements(root),
            statements=_statements(root), median=_median(root), annotations=pulse,
            scale=(step,) * len(labels), origin=(Decimal(0),) * len(labels), order=text(root, "orderinfo/ordernumber"),
            comment=text(root, "orderinfo/reasonfororder"),
            warnings=("the tracing ends with a calibration pulse",) if pulse else (),
        )
    )  # fmt: skip


def _labels(root: _Element, waves: _Element) -> list[str]:
    stated = (waves.get("leadlabels") or text(root, "reportinfo/reportformat/waveformformat/mainwaveformformat")).split()
    count = rate(waves.get("numberofleads") or text(root, "dataacquisition/signalcharacteristics/numberchannelsvalid"))
    return stated[: int(count)] if 0 < count <= len(stated) else stated or list(names.STANDARD)


def _rows(waves: _Element, labels: list[str], length: int) -> list[xli.Steps] | Fault:
    """Whole steps of each lead."""
    raw = decoded(text(waves))
    if raw is None:
        return bad("E156", "the waveforms are not Base64", "parsedwaveforms")
    method = waves.get("compressmethod") or waves.get("compression") or ""
    if method.upper() == "XLI" and waves.get("compressflag", "True") != "False":
        rows = xli.leads(raw, len(labels), length)
        if isinstance(rows, str):
            return bad("E157", rows, "parsedwaveforms")
        if len(rows) >= 6 and tuple(names.canonical(label) for label in labels[:6]) == names.STANDARD[:6]:
            xli.limbs(rows)
        return rows
    if len(raw) != 2 * length * len(labels):
        return bad("E152", "there are not as many samples as declared", "parsedwaveforms")
    return list(np.frombuffer(raw, "<i2").astype(np.int64).reshape(len(labels), length))


def _calibration(samples: Samples, hertz: float) -> tuple[Annotation, ...]:
    """The square pulse that closes some tracings: all leads the same in the last second, 1 mV at its height."""
    tail = samples[:, -int(hertz) :]
    same = np.ptp(tail, axis=0) == 0
    if len(samples) < 3 or not same[-1] or not 900 <= np.max(np.abs(np.where(same, tail[0], 0))) <= 1100:
        return ()
    apart = np.flatnonzero(np.ptp(samples, axis=0) != 0)
    first = int(apart[-1]) + 1 if len(apart) else 0
    return (Annotation("calibration", first, samples.shape[1] - 1),)


def _patient(root: _Element) -> Patient:
    who = root.find("patient/generalpatientdata")
    age = text(who, "age/years")
    return Patient(
        id=text(who, "patientid") or text(who, "MRN"), family=text(who, "name/lastname"), given=text(who, "name/firstname"),
        birth_date=times.iso_day(text(who, "age/dateofbirth")), sex=SEX.get(text(who, "sex").lower(), ""),
        age=f"{age} a" if age else "",
    )  # fmt: skip


def _device(root: _Element) -> Device:
    machine = root.find("dataacquisition/machine")
    detail = attribute(machine, "", "detaildescription").split(":")
    return Device(
        manufacturer=detail[0] or "Philips Medical Systems", model=text(machine), serial=attribute(machine, "", "machineid"),
        software=detail[-1] if len(detail) > 2 else "",
    )  # fmt: skip


def _filters(root: _Element, signal: _Element | None) -> Filters:
    """What was done to the stored signal; the settings of the printed report are not the file's."""
    high, low = rate(text(signal, "hipass")), rate(text(signal, "lowpass"))
    band = text(signal, "signalbandwidth").split("-")
    if not high and not low and len(band) == 2:
        high, low = rate(band[0]), rate(band[1])
    notch = rate(text(signal, "acsetting")) if text(signal, "notchfiltered") == "True" else 0
    return Filters(high or None, low or None, notch or None)


def _measurements(root: _Element) -> tuple[Measurement, ...]:
    places = (
        "interpretations/interpretation/globalmeasurements", "interpretations/interpretation/interpretationmeasurements",
        "internalmeasurements/crossleadmeasurements", "measurements/globalmeasurements",
    )  # fmt: skip
    out: tuple[Measurement, ...] = ()
    for name, tags in MEASURES.items():
        texts = (text(root, f"{place}/{tag}") for place in places for tag in tags)
        out += measurement(name, next((value for value in map(number, texts) if value is not None), None))
    return out


def _statements(root: _Element) -> tuple[Statement, ...]:
    said = [
        Statement(text(one, "leftstatement"), text(one, "statementcode"), text(one, "rightstatement"))
        for one in each(root, "interpretations/interpretation/statement")
    ]
    severity = root.find("interpretations/interpretation/severity")
    if text(severity):
        said.append(Statement(text(severity), attribute(severity, "", "code")))
    return tuple(one for one in said if one.text)


def _median(root: _Element) -> Median | None:
    """`repbeats`: Base64 int16 a lead, 0x7FFF where there is no value."""
    beats = root.find("waveforms/repbeats")
    hertz, step = rate(attribute(beats, "", "samplespersec")), number(attribute(beats, "", "resolution"))
    rows, leads = [], []
    for beat in each(beats, "repbeat"):
        steps = int16(text(beat, "waveform"))
        if steps is not None and len(steps) and step:
            rows.append(np.where(steps == 0x7FFF, np.nan, physical(steps, step)))
            leads.append(names.canonical(beat.get("leadname", "")))
    return Median(tuple(leads), stacked(rows, []), hertz) if rows and hertz > 0 else None
