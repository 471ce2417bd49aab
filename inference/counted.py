"""What the models did, for Prometheus: how often each answered and how, and how long an ECG took."""

from __future__ import annotations

from prometheus_client import Counter, Histogram

from engine.fault import Fault

SECONDS = (0.05, 0.1, 0.2, 0.4, 0.8, 1.5, 3.0, 6.0, 12.0, 30.0)
INFERENCES = Counter("engine_inferences", "ECGs given to a model: answered, abstained, or the fault", ["model", "outcome"])
DURATION = Histogram(
    "engine_inference_duration_seconds", "From an ECG's handing over to the model's answer", ["model"], buckets=SECONDS
)


def inferred(model: str, outcome: Fault | bool, seconds: float) -> None:
    """Counts one ECG: the fault, or whether the model abstained."""
    said = outcome.code if isinstance(outcome, Fault) else "abstained" if outcome else "answered"
    INFERENCES.labels(model, said).inc()
    DURATION.labels(model).observe(seconds)
