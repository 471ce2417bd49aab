"""The words on the page: who, when, what was measured, what was said, and how it is drawn."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from adapters.ecg.recording import Recording

ROWS = (
    ("Rate", ("heart_rate",), "/min"), ("RR", ("rr", "rr_mean"), "ms"), ("P", ("p_duration",), "ms"), ("PR", ("pr",), "ms"),
    ("QRS", ("qrs",), "ms"), ("QT", ("qt",), "ms"), ("QTc", ("qtc",), "ms"), ("QTcB", ("qtc_bazett",), "ms"), ("QTcF", ("qtc_fridericia",), "ms"),
)  # fmt: skip
SEX = {"male": "Male", "female": "Female", "other": "Other"}
MOST_STATEMENTS = 7


def patient(recording: Recording) -> list[str]:
    """Name, identifier, and birth date, age and sex."""
    who = recording.patient
    name = ", ".join(part for part in (who.family, who.given) if part) or who.name
    age = who.age.replace(" a", " years").replace(" mo", " months")
    born = f"born {who.birth_date}" if who.birth_date else ""
    return [
        name or "Name not stated",
        f"ID {who.id}" if who.id else "ID not stated",
        ", ".join(part for part in (born, age, SEX.get(who.sex, "")) if part),
    ]


def recorded(recording: Recording) -> list[str]:
    """Time with its zone or the word that there is none, device, order."""
    start = recording.start
    if start is None:
        time = "Time not stated"
    else:
        time = f"{start:%Y-%m-%d %H:%M:%S}" + (
            f" UTC{start.strftime('%z')[:3]}:{start.strftime('%z')[3:5]}" if start.tzinfo else " (zone not stated)"
        )
    device = " ".join(part for part in (recording.device.manufacturer, recording.device.model) if part)
    return [part for part in (time, device, f"Order {recording.order}" if recording.order else "") if part]


def values(recording: Recording, measured: Mapping[str, Any] | None) -> tuple[str, dict[str, float]]:
    """Whose measurements are shown, and they by name in lower case."""
    own = {
        str(one["name"]).lower(): float(one["value"]) for one in (measured or {}).get("measurements", ()) if not one.get("lead")
    }
    if own:
        return "Measured by Isthmus", own
    stated = {one.name: float(one.value) for one in recording.measurements if not one.lead}
    return ("Measured by the recorder", stated) if stated else ("", {})


def measurements(known: Mapping[str, float]) -> list[tuple[str, str]]:
    """Label and value of each row that is known."""
    out = []
    for label, names, unit in ROWS:
        value = next((known[name] for name in names if name in known), None)
        if value is not None:
            out.append((label, f"{value:.0f} {unit}"))
    axes = [f"{known[name]:.0f}°" if name in known else "–" for name in ("p_axis", "qrs_axis", "t_axis")]
    return [*out, ("P-QRS-T axes", " ".join(axes))] if any(axis != "–" for axis in axes) else out


def statements(recording: Recording) -> list[str]:
    """What the recorder said, as much as there is room for."""
    said = [one.text for one in recording.statements]
    return (
        said if len(said) <= MOST_STATEMENTS else [*said[: MOST_STATEMENTS - 1], f"… and {len(said) - MOST_STATEMENTS + 1} more"]
    )


def filters(recording: Recording) -> str:
    """The filter state in words."""
    state = recording.filters
    low = f"{state.high_pass:g}" if state.high_pass else "?"
    high = f"{state.low_pass:g}" if state.low_pass else "?"
    band = f"{low}–{high} Hz" if state.high_pass or state.low_pass else "filters not stated"
    return f"{band}, notch {state.notch:g} Hz" if state.notch else band


def number(value: float) -> str:
    """A number without needless zeros."""
    return f"{value:g}"
