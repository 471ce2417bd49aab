"""What a model's answer rests on, as shades behind the tracing: the stronger, the darker; what speaks against it is left white."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from adapters.ecg.draw.layout import Segment
from adapters.ecg.draw.shapes import Shade

FULL = (0x6F, 0xA8, 0xF5)  # the colour of weight 1
LEAST = 0.05  # weights below it are not drawn


def shades(marks: Mapping[str, Any], segment: Segment, x: float, top: float, height: float, speed: float) -> list[Shade]:
    """The shades of one segment that begins at x mm; `marks` has `step_seconds`, and by lead a weight of -1 to 1 for each step."""
    step = float(marks["step_seconds"])
    out = []
    for number, weight in enumerate(marks["leads"].get(segment.lead, ())):
        first = max(number * step, segment.begin)
        last = min((number + 1) * step, segment.begin + segment.seconds)
        if weight >= LEAST and last > first:
            out.append(Shade(x + (first - segment.begin) * speed, top, (last - first) * speed, height, _colour(float(weight))))
    return out


def words(marks: Mapping[str, Any]) -> str:
    """What the page says of its shades."""
    return f"Shaded: what the model's answer {marks['label']} rests on. Research software, not a diagnosis."


def _colour(weight: float) -> str:
    return "#" + "".join(f"{round(255 + (part - 255) * min(weight, 1.0)):02x}" for part in FULL)
