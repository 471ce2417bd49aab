"""Which reader a file is for, told by its content and never by its name."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace

from adapters.ecg import (
    aecg,
    archive,
    bdf,
    cardiosoft,
    csv_file,
    dicom,
    dicom_data,
    edf,
    fhir_observation,
    hl7_waveform,
    mortara,
    muse,
    schiller,
    scp,
    sierra,
    wfdb,
)  # fmt: skip
from adapters.ecg.embedded import holds_ecg
from adapters.ecg.leads import STANDARD, familiar, told_apart
from adapters.ecg.recording import Recording, bad
from adapters.ecg.xml_tools import plain
from engine import safe_xml
from engine.fault import Fault, Kind

MOST = 256 << 20
Reader = Callable[[bytes], "Recording | Fault"]

ROOTS = {
    "AnnotatedECG": aecg.from_tree, "restingecgdata": sierra.from_tree, "restecgdata": sierra.from_tree,
    "RestingECG": muse.from_tree, "ECG": mortara.from_tree, "CardiologyXML": cardiosoft.from_tree,
}  # fmt: skip
FHIR = ("{http://hl7.org/fhir}Observation", "{http://hl7.org/fhir}Bundle")
NAMES = {
    "aecg": "HL7 v3 annotated ECG", "sierra": "Philips Sierra XML 1.03, 1.04, 1.04.01 with XLI", "muse": "GE MUSE XML",
    "mortara": "Mortara ELI XML", "schiller": "Schiller XML", "cardiosoft": "GE CardioSoft/CASE XML", "scp": "SCP-ECG (EN 1064)",
    "dicom": "DICOM 12-lead, general and ambulatory ECG", "wfdb": "WFDB, plain or FLAC, its files or zipped", "edf": "EDF and EDF+",
    "bdf": "BDF and BDF+ (BioSemi)",
    "csv": "columns of numbers", "fhir": "FHIR Observation with SampledData", "hl7v2": "HL7 v2 waveforms (NA, MA)",
}  # fmt: skip
HARMLESS = ("restecg.dtd",)
DECLARED = re.compile(rb"^\xef\xbb\xbf\s*<\?xml[^>]{0,200}\?>")
BINARY: tuple[tuple[Callable[[bytes], bool], Reader], ...] = (
    (dicom_data.looks, dicom.read),
    (lambda body: body[16:22] == b"SCPECG" or _scp(body), scp.read),
    (edf.looks, edf.read),
    (bdf.looks, bdf.read),
    (hl7_waveform.looks, hl7_waveform.read),
    (fhir_observation.looks, fhir_observation.read),
)


def read(body: bytes, name: str = "", beside: Mapping[str, bytes] | None = None) -> Recording | Fault:
    """Reads an ECG file of any known format. `beside` holds the files a header speaks of; `name` only helps messages."""
    if len(body) > MOST:
        return bad("E153", f"the file is longer than {MOST} bytes")
    if not body.strip(b"\0 \r\n\t"):
        return bad("E151", "the file is empty")
    found = _read(body, beside or {})
    if isinstance(found, Fault):
        return found
    return _in_order(replace(found, warnings=tuple(dict.fromkeys(found.warnings))))  # once, however many leads they are of


def _read(body: bytes, beside: Mapping[str, bytes]) -> Recording | Fault:
    for looks, reader in BINARY:
        if looks(body):
            return reader(body)
    if archive.looks(body):
        return _archived(body)
    if _xml(body):
        return _from_xml(body)
    if wfdb.looks(body) and not csv_file.begins(body):
        return wfdb.read(body, beside)
    if csv_file.looks(body):
        return csv_file.read(body)
    return Fault(Kind.UNSUPPORTED, "E150", "this is no ECG format that is read", help="isthmus ecg formats lists those that are")


def _scp(body: bytes) -> bool:
    """Some writers leave the letters SCPECG out: a pointer section that begins with number 0 and a sane length tells."""
    return (
        len(body) > 38 and body[8:10] == b"\0\0" and body[22:24] == b"\0\0" and 36 <= int.from_bytes(body[10:14], "little") <= 656
    )


def _xml(body: bytes) -> bool:
    if body.startswith((b"\xff\xfe", b"\xfe\xff")):
        return body[2:128].replace(b"\0", b"").lstrip(b" \r\n\t").startswith(b"<")
    return body[:4].startswith((b"<\0", b"\0<")) or body[:64].lstrip(b"\xef\xbb\xbf \r\n\t").startswith(b"<")


def _clean(body: bytes) -> bytes:
    """XML without what fills it up behind its end, and without a declaration that contradicts its byte order mark."""
    if body[:2] in (b"\xff\xfe", b"\xfe\xff") or b"\0" in body[:2]:
        return body[: (body.rfind(b">") + 2) & ~1] if body.endswith(b"\0\0") else body
    body = body.rstrip(b"\0\x1a \r\n\t")
    return DECLARED.sub(b"\xef\xbb\xbf", body, count=1) if body.startswith(b"\xef\xbb\xbf") else body


def _from_xml(whole: bytes) -> Recording | Fault:
    body = _clean(whole)
    root = safe_xml.parse(body, harmless=HARMLESS)
    if isinstance(root, Fault):
        return root
    name = re.sub(r"^\{.*\}", "", root.tag)
    if root.tag in FHIR:
        return fhir_observation.from_xml(root, body)
    reader = ROOTS.get(name)
    if reader is None and schiller.holds(plain(root)):
        reader = schiller.from_tree
    if name == "HOLTER_STATISTICS":
        return Fault(Kind.UNSUPPORTED, "E150", "a Holter trend export holds no tracing", name, "upload it as trends")
    if reader is None:
        return Fault(Kind.UNSUPPORTED, "E150", "this XML is no ECG format that is read", name[:60])
    return reader(plain(root))


def _archived(body: bytes) -> Recording | Fault:
    """A WFDB record in an archive, its only file, or the only one that is an ECG, such as the tracing beside its printed page."""
    inside = archive.files(body)
    if isinstance(inside, Fault):
        return inside
    headers = [data for name, data in inside.items() if name.lower().endswith(".hea") and wfdb.looks(data)]
    if headers:
        masters = [one for one in headers if wfdb.of_segments(one)]  # such a header speaks for the others
        read_header = wfdb.read((masters or headers)[0], inside)
        return _noted(read_header, len(headers) > 1 and not masters)
    told = [data for data in inside.values() if holds_ecg(data)]
    if not told:  # what is told less surely, if there is no choice
        weaker = [data for data in inside.values() if _told(data)]
        told = weaker if len(weaker) == 1 else []
    if len(inside) == 1 or told:
        only = told[0] if told else next(iter(inside.values()))
        if archive.looks(only):
            return bad("E160", "an archive within an archive is not opened")
        return _noted(_read(only, {}), len(told) > 1)
    return bad("E160", "the archive holds no WFDB header and not just one file that is an ECG")


def _told(data: bytes) -> bool:
    """Whether a file looks as one that is read."""
    return any(looks(data) for looks, _ in BINARY) or csv_file.looks(data)


def _noted(found: Recording | Fault, several: bool) -> Recording | Fault:
    note = "the archive holds several records; the first one is read"
    return replace(found, warnings=(*found.warnings, note)) if several and isinstance(found, Recording) else found


def _familiar(recording: Recording) -> Recording:
    """With leads that only their company explains under their usual names, wherever the recording names them."""
    known = dict(zip(recording.leads, familiar(recording.leads), strict=True))
    if all(name == lead for name, lead in known.items()):
        return recording
    median = recording.median
    return replace(
        recording, leads=tuple(known.values()) if len(known) == len(recording.leads) else recording.leads,
        median=replace(median, leads=tuple(known.get(name, name) for name in median.leads)) if median else None,
        measurements=tuple(replace(one, lead=known.get(one.lead, one.lead)) for one in recording.measurements),
        annotations=tuple(replace(one, lead=known.get(one.lead, one.lead)) for one in recording.annotations),
    )  # fmt: skip


def _in_order(recording: Recording) -> Recording:
    """The twelve standard leads in their usual order; other sets of leads stay as the file has them, each under a name of its own."""
    recording = _familiar(recording)
    if len(set(recording.leads)) < len(recording.leads) or "" in recording.leads:
        return replace(recording, leads=told_apart(recording.leads))
    if set(recording.leads) != set(STANDARD) or recording.leads == STANDARD:
        return recording
    places = [recording.leads.index(lead) for lead in STANDARD]
    return replace(
        recording, leads=STANDARD, samples=recording.samples[places],
        scale=tuple(recording.scale[n] for n in places) if recording.scale else (),
        origin=tuple(recording.origin[n] for n in places) if recording.origin else (),
    )  # fmt: skip
