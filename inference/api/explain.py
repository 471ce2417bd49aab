"""The answer of `/saliency`: for each label asked for, or each top finding, a weight per lead and second of the first ten."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from engine.fault import Fault, Kind
from inference.analysis import model_for, top
from inference.api.body import Signal
from inference.api.service import shipped_models
from inference.interpret import Evidence, interpret
from inference.serve.client import Classifier

MOST = 8  # labels in one request


async def explain(own: Classifier, signal: Signal, labels: Sequence[str]) -> dict[str, Any] | Fault:
    """Asks the worker what it says and, knowing the labels, what that rests on: positive weights speak for the label."""
    name = model_for(signal.leads)
    said = await own.classify(signal.samples, signal.rate, signal.leads, name)
    if isinstance(said, Fault):
        return said
    unknown = [label for label in labels if said.probabilities and label not in said.probabilities]
    if unknown or len(labels) > MOST:
        return Fault(Kind.INCORRECT, "E835", "a label to explain is not one of the model's, or there are too many", "label")
    points = {row["name"]: row["operating_points"] for row in shipped_models()}.get(name, {})
    thresholds = {label: point["threshold"] for label, point in points.items()}
    found = interpret(Evidence(said.probabilities, {}, thresholds, said.abstained)).as_dict()
    asked = list(labels) or top({"interpretation": found, "probabilities": said.probabilities})
    answer = await own.ask(signal.samples, signal.rate, signal.leads, name, asked) if said.probabilities else None
    if isinstance(answer, Fault):
        return answer
    maps = [row | {"probability": said.probabilities[row["label"]]} for row in (answer.maps if answer else ())]
    return {
        "model": {"name": said.model, "version": said.version, "sha256": said.digest},
        "saliency": maps,
        "quality": {"readable": not said.abstained, "reason": said.abstained or None, "leads": said.leads},
        "notes": [*signal.notes, *said.warnings],
        "notice": said.notice,
    }
