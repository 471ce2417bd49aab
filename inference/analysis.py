"""Classification and interpretation as plain functions and plain JSON, for channel steps and the command line.

The models are loaded once in a process. Channels that must never wait use inference.serve instead.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import numpy as np

from engine.fault import Fault, Kind
from inference.classify import NOTICE, ready
from inference.interpret import Evidence, interpret
from inference.interpret.table import Table
from inference.saliency import explained
from inference.serve import backend
from inference.serve.wire import Answer, Ask

NAMES = {"heart_rate": "heart_rate", "PR": "pr", "QRS": "qrs", "QT": "qt", "QTc_Fridericia": "qtc", "QRS_axis": "axis"}
MOST_MAPS = 3  # of the top findings
SURE = 0.3  # a measurement less sure than this decides nothing


@cache
def own() -> backend.Own | Fault:
    """The shipped models, loaded."""
    return backend.own()


def model_for(leads: Sequence[str]) -> str:
    """The 12-lead model where its leads are there or follow (eight do), else the lead-I model."""
    return "twelve" if len(leads) >= 8 else "lead_one"


def evidence_of(measured: Mapping[str, Any] | None) -> dict[str, float]:
    """The measurements the table of findings knows, from `isthmus.analyses` measure."""
    rows = (measured or {}).get("measurements", ())
    return {
        NAMES[row["name"]]: float(row["value"])
        for row in rows
        if row["name"] in NAMES and not row.get("lead") and float(row.get("sure", 1)) >= SURE
    }


def classify(
    samples: object,
    rate: object,
    leads: Sequence[str],
    measured: Mapping[str, Any] | None = None,
    table: Table | None = None,
) -> dict[str, Any]:
    """µV [leads, n] at `rate` Hz → model, probabilities and interpretation; a refusal is `{"fault": …}`."""
    models = own()
    if isinstance(models, Fault):
        return {"fault": models.as_dict()}
    answer = _ask(models, samples, rate, leads)
    if isinstance(answer, Fault):
        return {"fault": answer.as_dict()}
    name = model_for(leads)
    stored = models.loaded[name].stored
    points = {label: point.threshold for label, point in stored.entry.points.items()}
    said = interpret(Evidence(answer.probabilities, evidence_of(measured), points, answer.abstained, answer.leads), table)
    return {
        "model": {"name": name, "version": stored.entry.version, "sha256": stored.digest},
        "probabilities": {label: round(value, 4) for label, value in answer.probabilities.items()},
        "abstained": answer.abstained or None,
        "unreadable": answer.leads,
        "warnings": list(answer.warnings),
        "interpretation": said.as_dict(),
        "notice": NOTICE,
    }


def explain(samples: object, rate: object, leads: Sequence[str], labels: Sequence[str]) -> dict[str, Any]:
    """What each label's probability rests on, per lead and second of the first ten: maps to draw over the tracing.

    Without labels those of the top findings are explained.
    """
    models = own()
    if isinstance(models, Fault):
        return {"fault": models.as_dict()}
    model = models.loaded[model_for(leads)]
    try:
        found = ready(np.asarray(samples, np.float32), float(rate), leads, model.stored.entry.leads)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        found = Fault(Kind.INCORRECT, "E820", "the signal is not a table of numbers", "signal", "rows of equal length")
    if isinstance(found, Fault):
        return {"fault": found.as_dict()}
    asked = labels or top(classify(samples, rate, leads))
    return {"saliency": explained(model, found.windows[0], asked), "notice": NOTICE}


def top(said: Mapping[str, Any]) -> list[str]:
    """The labels of the gravest findings the model itself made, three at most; what it holds most likely when it made none."""
    rows = said.get("interpretation", {}).get("findings", ())
    found = list(dict.fromkeys(row["label"] for row in rows if row["label"]))[:MOST_MAPS]
    shares = said.get("probabilities", {})
    return found or sorted(shares, key=lambda label: -shares[label])[:1]


def _ask(models: backend.Own, samples: object, rate: object, leads: Sequence[str]) -> Answer | Fault:
    try:
        data = np.ascontiguousarray(np.asarray(samples), "<f4")
        hertz = float(rate)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return Fault(Kind.INCORRECT, "E820", "the signal is not a table of numbers", "signal", "rows of equal length")
    if data.ndim != 2:
        return Fault(Kind.INCORRECT, "E820", "the signal is not a table of leads by samples", "signal")
    answer = models.answer([Ask(1, model_for(leads), hertz, list(leads), data.shape[1], data.tobytes())])[0]
    if answer.fault:
        kind, code, text, at, help = answer.fault
        return Fault(Kind(kind), code, text, at, help)
    return answer
