"""A file to an export, in whichever process it is called: what reads XML is imported there."""

from __future__ import annotations

import hashlib
from uuid import NAMESPACE_OID, uuid5

from adapters.ecg.trends.point import Export, Point
from engine.fault import Fault

SPACE = uuid5(NAMESPACE_OID, "isthmus.ecg.trends")


def load(body: bytes) -> Export | Fault:
    """Reads a Holter export. A recording is told by its patient, start, scan number and recorder; one without them by its bytes."""
    from adapters.ecg.holter import read  # noqa: PLC0415

    found = read(body)
    if isinstance(found, Fault):
        return found
    digest = hashlib.sha256(body).hexdigest()
    device = " ".join(filter(None, (found.device.manufacturer, found.device.model, found.device.serial)))
    start = found.start.replace(tzinfo=None) if found.start else None
    known = found.patient.id and start
    parts = (found.patient.id, start.isoformat(), found.scan, device) if known and start else (digest,)
    points = {
        (one.at.replace(tzinfo=None), series.type): Point(
            one.at.replace(tzinfo=None), series.type, one.minimum, one.average, one.maximum, one.valid
        )
        for series in found.series
        for one in series.points
    }
    id = uuid5(SPACE, "\0".join(parts))
    return Export(id, found.patient.id, start, device, found.scan, digest, tuple(points.values()), found.warnings)
