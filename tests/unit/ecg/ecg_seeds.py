"""A good file of every format, for tests that damage it."""

from __future__ import annotations

import io
import struct
import zipfile
from collections.abc import Callable

import ecg_made as made

from adapters.ecg import Recording, read
from adapters.ecg.write import write
from engine.fault import Fault
from fhir import xml_write
from fhir.encode import loads

ROWS = made.tracing(length=100)
SHORT = made.tracing(8, 100)


def written(format: str) -> bytes:
    """A recording as our own writer has it in that format."""
    found = read(made.cardiosoft(ROWS))
    assert isinstance(found, Recording)
    body = write(found, format)
    assert not isinstance(body, Fault)
    return body.body


def fhir_xml() -> bytes:
    body = loads(written("fhir"))
    assert not isinstance(body, Fault)
    xml = xml_write.write(body)
    assert isinstance(xml, bytes)
    return xml


def hl7() -> bytes:
    numbers = "^".join(map(str, ROWS[0]))
    return f"MSH|^~\\&|A|B|C|D|2024||ORU^W01|1|P|2.6\rOBX|1|CD|CHN||1&I^^0.5&uV^1&0&0^500\rOBX|2|NA|WAV||{numbers}\r".encode()


def coded_scp() -> bytes:
    return made.scp({2: struct.pack("<H", 19999), 3: made.scp_leads(12, 100), 6: made.scp_block(list(ROWS), 2, True)})


def archive(names: dict[str, bytes]) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as one:
        for name, data in names.items():
            one.writestr(name, data)
    return packed.getvalue()


SEEDS: dict[str, Callable[[], bytes]] = {
    "aecg": lambda: written("aecg"), "sierra": lambda: made.sierra(ROWS), "sierra 1.03": lambda: made.sierra(ROWS, "1.03", charset="utf-8"),
    "muse": lambda: made.muse(SHORT, SHORT), "mortara": lambda: made.mortara(ROWS), "schiller": lambda: made.schiller(ROWS),
    "cardiosoft": lambda: made.cardiosoft(ROWS), "scp": coded_scp, "dicom": lambda: made.dicom([(made.STANDARD, ROWS, "RHYTHM")]),
    "dicom deflated": lambda: made.dicom_again(made.dicom([(made.STANDARD, ROWS, "RHYTHM")]), "1.2.840.10008.1.2.1.99"),
    "dicom big-endian": lambda: made.dicom_again(made.dicom([(made.STANDARD, ROWS, "RHYTHM")]), "1.2.840.10008.1.2.2"),
    "dicom implicit": lambda: made.dicom([(made.STANDARD, ROWS, "RHYTHM")], explicit=False), "wfdb": lambda: archive(made.wfdb_files(ROWS, "16")),
    "fhir xml": fhir_xml,
    "bdf": lambda: made.bdf(made.tracing(2, 500)),
    "edf": lambda: made.edf(made.tracing(2, 500)), "csv": lambda: b"fs,500\nI,II\n" + b"\n".join(b"%d,%d" % (a, b) for a, b in ROWS[:2].T),
    "fhir": lambda: written("fhir"), "hl7v2": hl7,
}  # fmt: skip
