"""FHIR out: the Observation with SampledData that `resources` builds, alone."""

from __future__ import annotations

import hashlib

from adapters.ecg.fhir_parts import Source
from adapters.ecg.recording import Recording
from adapters.ecg.resources import tracing
from adapters.ecg.whole import Written
from engine.fault import Fault
from fhir.encode import dumps


def write(recording: Recording, name: str = "ecg") -> Written | Fault:
    """One Observation as JSON."""
    digest = hashlib.sha256(recording.samples.tobytes()).hexdigest()
    return Written({f"{name}.json": dumps(tracing(recording, Source(digest)))})
