"""What the API has answered lately: times, outcomes, no signal and no patient."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

KEPT = 200


@dataclass(frozen=True, slots=True)
class Call:
    """One answered call."""

    at: datetime
    path: str
    status: int
    milliseconds: float
    code: str = ""


@dataclass(slots=True)
class Recent:
    """The last calls, and all of them counted."""

    calls: deque[Call] = field(default_factory=lambda: deque(maxlen=KEPT))
    total: int = 0
    failed: int = 0  # our fault: 5xx
    refused: int = 0  # theirs: 4xx

    def add(self, call: Call) -> None:
        """Counts a call."""
        self.calls.append(call)
        self.total += 1
        self.failed += call.status >= 500
        self.refused += 400 <= call.status < 500

    def summary(self) -> dict[str, Any]:
        """Counts, the share that succeeded of what could, times, and the last twenty."""
        times = sorted(call.milliseconds for call in self.calls if call.status < 400)
        valid = self.total - self.refused
        return {
            "requests": self.total,
            "refused": self.refused,
            "failed": self.failed,
            "success_rate": round((valid - self.failed) / valid, 4) if valid else None,
            "latency_ms": {"p50": _rank(times, 0.5), "p99": _rank(times, 0.99)},
            "recent": [
                {"at": call.at.isoformat(), "path": call.path, "status": call.status, "ms": call.milliseconds, "code": call.code}
                for call in list(self.calls)[-20:]
            ],
        }


def _rank(times: list[float], share: float) -> float | None:
    return times[min(len(times) - 1, int(share * len(times)))] if times else None
