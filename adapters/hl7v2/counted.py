"""What the MLLP listeners count for Prometheus: the answers they gave, and until when their certificates hold."""

from __future__ import annotations

from functools import cache
from typing import Any

from prometheus_client import Counter, Gauge

ACKS = Counter("engine_acks", "Acknowledgements sent, by MSA-1", ["channel", "code"])
EXPIRY = Gauge("engine_tls_certificate_expiry_timestamp_seconds", "When the listener's certificate ends", ["channel"])


@cache
def _child(channel: str, code: str) -> Any:
    return ACKS.labels(channel, code)


def answered(channel: str, answer: bytes) -> None:
    """Counts the acknowledgements of a block that is sent: one, or those of a batch."""
    at = answer.find(b"\rMSA")
    while at >= 0:
        _child(channel, answer[at + 5 : at + 7].decode("latin-1")).inc()
        at = answer.find(b"\rMSA", at + 5)


def expires(channel: str, when: float | None) -> None:
    """Tells until when (seconds since 1970) a listener's certificate holds; None when it listens no more."""
    if when is not None:
        EXPIRY.labels(channel).set(when)
    elif (channel,) in EXPIRY._metrics:
        EXPIRY.remove(channel)
