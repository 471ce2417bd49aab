"""What the engine counts, for Prometheus. Labels are names of channels, destinations, rules, codes and stages, never anything sent.

Counters live in the process; plug-ins declare theirs in the same registry. What the database knows is in engine.gauges.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import cache
from typing import Any
from uuid import UUID

from prometheus_client import Counter, Histogram, Info

from engine import __version__
from engine.fault import Fault
from engine.journal.values import Settlement
from engine.types import Arrival, Event, Receipt, State

SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 3600.0)

RECOVERED = Counter("engine_recovered_messages", "Messages that waited in the journal when the engine started")
BUILD = Info("engine_build", "The engine's version")
RECEIVED = Counter("engine_messages_received", "Messages made durable, repetitions left out", ["channel"])
DUPLICATES = Counter("engine_duplicates", "Messages that had come before, byte for byte", ["channel"])
REUSED = Counter("engine_control_ids_reused", "Messages whose control id was used before, with other bytes", ["channel"])
REFUSED = Counter("engine_messages_refused", "Messages that were not taken, by fault", ["channel", "code"])
PROCESSED = Counter("engine_messages_processed", "Messages processed", ["channel"])
FILTERED = Counter("engine_messages_filtered", "Messages that were not for their channel", ["channel"])
QUARANTINED = Counter("engine_quarantined", "Messages held, by fault", ["channel", "reason"])
DEFERRED = Counter("engine_messages_deferred", "Messages put off for a fault that may pass", ["channel", "reason"])
DELIVERIES = Counter("engine_deliveries", "Tries to deliver: accepted, retried, dead", ["destination", "outcome"])
RETRIES = Counter("engine_retries", "Deliveries tried again", ["destination"])
ALERTS = Counter("engine_alerts", "Alerts raised", ["rule", "severity"])
ACK = Histogram("engine_ack_duration_seconds", "From a message's first byte until it is durable", ["channel"], buckets=SECONDS)
STAGE = Histogram("engine_stage_duration_seconds", "A batch's time in a stage", ["stage"], buckets=SECONDS)
COMMIT = Histogram("engine_db_commit_duration_seconds", "A batch's transaction", buckets=SECONDS)
END = Histogram(
    "engine_end_to_end_duration_seconds",
    "From a message's first byte until a destination has it",
    ["destination"],
    buckets=SECONDS,
)
BUILD.info({"version": __version__})


@cache
def child(metric: Any, *labels: str) -> Any:
    """A metric with its labels, looked up once: names of channels and destinations are few."""
    return metric.labels(*labels)


def accepted(arrivals: Sequence[Arrival], receipts: Sequence[Receipt | Fault], now: datetime) -> None:
    """Counts what a source handed in."""
    for arrival, receipt in zip(arrivals, receipts, strict=True):
        if isinstance(receipt, Fault):
            child(REFUSED, arrival.channel, receipt.code).inc()
            continue
        child(ACK, arrival.channel).observe(max(0.0, (now - arrival.received).total_seconds()))
        if receipt.duplicate:
            child(DUPLICATES, arrival.channel).inc()
            continue
        child(RECEIVED, arrival.channel).inc()
        if receipt.reused:
            child(REUSED, arrival.channel).inc()
        if arrival.fault is not None:
            child(QUARANTINED, arrival.channel, arrival.fault.code).inc()


def settled(settlements: Sequence[Settlement]) -> None:
    """Counts what became of a batch, once it is committed."""
    for one in settlements:
        channel = one.message.channel
        if one.state is State.PROCESSED:
            child(PROCESSED, channel).inc()
        elif one.state is State.FILTERED:
            child(FILTERED, channel).inc()
        else:
            child(QUARANTINED, channel, one.faults[0].code if one.faults else "").inc()


def alerted(events: Sequence[Event]) -> None:
    """Counts alerts that were raised."""
    for event in events:
        if event.body.get("turn") == "raised":
            child(ALERTS, str(event.body.get("rule", "")), event.severity).inc()


def delivered(destination: str, outcome: str, message: str, now: datetime) -> None:
    """Counts a try; `message` is the id of the message it comes from, which knows when it came (UUIDv7)."""
    child(DELIVERIES, destination, outcome).inc()
    if outcome == "retried":
        child(RETRIES, destination).inc()
    elif outcome == "accepted" and message:
        try:
            came = (UUID(message).int >> 80) / 1000
        except ValueError:
            return
        child(END, destination).observe(max(0.0, now.timestamp() - came))
