"""A recording to a page of shapes, exact in millimetres: x = left + seconds × speed, y = row − mV × gain.

A4 landscape. The tracing is drawn as recorded; only an offset above 0.5 mV is taken off a lead, and the page says so.
Sources: AHA/ACC/HRS 2007 recommendations for the ECG, IEC 60601-2-25 (grid, calibration, layout).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import numpy as np

from adapters.ecg.draw import header, layout, limbs, shade
from adapters.ecg.draw.letters import fitted, width
from adapters.ecg.draw.shapes import Lines, Page, Shade, Text, Trace, pieces, thinned
from adapters.ecg.recording import Recording, Samples, bad
from engine.fault import Fault

WIDTH, HEIGHT = 297.0, 210.0
LEFT, TOP, GRID_WIDTH, GRID_HEIGHT = 13.5, 37.0, 270.0, 165.0
PULSE_SECONDS, PULSE_MILLIVOLTS = 0.2, 1.0
FINE, COARSE, INK = "#f2c4c4", "#dd8f8f", "#111111"
OFFSET = 500.0  # µV
SPEEDS, GAINS = (25.0, 50.0), (5.0, 10.0, 20.0)


@dataclass(frozen=True, slots=True)
class Options:
    """How to draw: layout (`3x4`, `6x2`, `12x1`), mm/s, mm/mV, rhythm leads, seconds at which the page begins, colour or not."""

    layout: str = "3x4"
    speed: float = 25.0
    gain: float = 10.0
    rhythm: tuple[str, ...] = ("II",)
    begin: float = 0.0


def page(
    recording: Recording,
    options: Options = Options(),
    measured: Mapping[str, Any] | None = None,
    marks: Mapping[str, Any] | None = None,
) -> Page | Fault:
    """The page of a recording; `measured` is an analysis as plain JSON whose values are shown, `marks` what an answer rests on."""
    if options.speed not in SPEEDS or options.gain not in GAINS or options.layout not in layout.LAYOUTS:
        return bad("E162", "no such layout, speed or gain", help="3x4, 6x2 or 12x1; 25 or 50 mm/s; 5, 10 or 20 mm/mV")
    if not 0 <= options.begin < recording.duration:
        return bad("E162", "the page begins behind the recording's end")
    recording, computed = limbs.completed(recording)
    margin = 2.5 + PULSE_SECONDS * options.speed + 2.5
    most = (GRID_WIDTH - margin) // options.speed if options.speed == 25 else (GRID_WIDTH - margin) / options.speed // 0.5 * 0.5
    seconds = min(most, 10.0)
    rows = layout.rows(options.layout, recording.leads, options.rhythm, seconds, options.begin, recording.duration)
    above, pitch = _pitch(len(rows), options.gain)
    traces: list[Trace] = []
    texts: list[Text] = []
    ticks: list[tuple[float, float, float, float]] = []
    moved: list[str] = []
    behind: list[Shade] = []
    for n, row in enumerate(rows):
        zero = TOP + above + pitch * (n + _middle(pitch))
        traces.append(_pulse(LEFT + 2.5, zero, options))
        for segment in row:
            x = LEFT + margin + segment.at * options.speed
            if marks is not None:
                upper, lower = max(TOP, zero - pitch * 0.48), min(TOP + GRID_HEIGHT, zero + pitch * 0.48)
                behind += shade.shades(marks, segment, x, upper, lower - upper, options.speed)
            traces += _traces(recording, segment, x, zero, options, moved)
            name = fitted(segment.lead, 3.4, min(segment.seconds * options.speed - 2, 60.0), bold=True)
            texts.append(Text(x + 1.0, zero - min(pitch * 0.42, 13.0), 3.4, name, bold=True))
            if segment.begin > options.begin and not segment.at:  # a row that goes on from the one above
                on = x + 3.0 + width(name, bold=True) * 3.4
                texts.append(Text(on, texts[-1].y, 2.6, f"{header.number(round(segment.begin, 3))} s", colour="#555555"))
            if segment.at:
                ticks.append((x, zero - 3, x, zero + 3))
    fewer = iter(thinned([trace.points for trace in traces if trace.lead]))
    traces = [replace(trace, points=next(fewer)) if trace.lead else trace for trace in traces]
    lines = (*_grid(), Lines(np.array(ticks).reshape(-1, 4), 0.3, INK, "separators"))
    box = (LEFT, TOP, GRID_WIDTH, GRID_HEIGHT)
    end = max(segment.begin + segment.seconds for row in rows for segment in row)
    shown = {segment.lead for row in rows for segment in row}
    left = [lead for lead in recording.leads if lead not in shown]
    texts += _words(recording, options, end, moved, left, computed, measured)
    texts += [Text(LEFT + GRID_WIDTH - 12, 206.5, 2.6, shade.words(marks), "end", colour="#555555")] if marks is not None else []
    return Page(WIDTH, HEIGHT, box, lines, tuple(traces), tuple(texts), shades=tuple(behind))


def _pitch(rows: int, gain: float) -> tuple[float, float]:
    """Room above the rows and the height of one, in mm: the first row's pulse stays on the grid."""
    above = 6.0 if rows > 8 else 0.0
    share = _middle(GRID_HEIGHT / rows) / rows
    above = max(above, (PULSE_MILLIVOLTS * gain + 1 - GRID_HEIGHT * share) / (1 - share))
    return above, (GRID_HEIGHT - above) / rows


def _middle(pitch: float) -> float:
    """Where in a row 0 mV is, of its height from the top."""
    return 0.58 if pitch > 20 else 0.5


def _pulse(x: float, zero: float, options: Options) -> Trace:
    """1 mV for 0.2 s, between short baselines."""
    top, end = zero - PULSE_MILLIVOLTS * options.gain, x + PULSE_SECONDS * options.speed
    return Trace(np.array([[x - 1.5, zero], [x, zero], [x, top], [end, top], [end, zero], [end + 1.5, zero]]))


def _traces(
    recording: Recording, segment: layout.Segment, x: float, zero: float, options: Options, moved: list[str]
) -> list[Trace]:  # fmt: skip
    samples = recording.samples[recording.leads.index(segment.lead)]
    first = int(np.ceil(segment.begin * recording.rate - 1e-9))
    last = int(np.floor((segment.begin + segment.seconds) * recording.rate + 1e-9))
    shown = samples[first : last + 1].astype(np.float64)
    offset = _offset(samples)
    if offset and segment.lead not in moved:
        moved.append(segment.lead)
    across = x + (np.arange(first, first + len(shown)) / recording.rate - segment.begin) * options.speed
    up = zero - (shown - offset) / 1000 * options.gain
    return [Trace(part, segment.lead) for part in pieces(across, up)]


def _offset(samples: Samples) -> float:
    """The median of what is known where it is above the bound, else 0; when most samples are within it, so is their median."""
    if 2 * np.count_nonzero(np.abs(samples) <= OFFSET) > len(samples):
        return 0.0
    known = samples[np.isfinite(samples)]
    median = float(np.median(known)) if len(known) else 0.0
    return median if abs(median) > OFFSET else 0.0


@cache
def _grid() -> tuple[Lines, Lines]:
    """Lines every millimetre, and stronger ones every five."""
    xs, ys = np.arange(GRID_WIDTH + 0.5), np.arange(GRID_HEIGHT + 0.5)

    def strokes(strong: bool) -> np.ndarray[Any, np.dtype[np.float64]]:
        across = [(LEFT, TOP + y, LEFT + GRID_WIDTH, TOP + y) for y in ys if (y % 5 == 0) == strong]
        down = [(LEFT + x, TOP, LEFT + x, TOP + GRID_HEIGHT) for x in xs if (x % 5 == 0) == strong]
        return np.array(across + down)

    return Lines(strokes(False), 0.1, FINE, "1 mm"), Lines(strokes(True), 0.2, COARSE, "5 mm")


def _words(
    recording: Recording, options: Options, end: float, moved: list[str], left: list[str], computed: list[str],
    measured: Mapping[str, Any] | None,
) -> list[Text]:  # fmt: skip
    out: list[Text] = []
    name, *who = header.patient(recording)
    title, known = header.values(recording, measured)
    rows, said = header.measurements(known), header.statements(recording)
    room = 92.0 if rows else 182.0 if said else GRID_WIDTH
    out.append(Text(LEFT, 12, 4.6, fitted(name, 4.6, room, bold=True), bold=True))
    lines = [*who, *header.recorded(recording)]
    out += [Text(LEFT, 17 + 4.2 * n, 3.2, fitted(text, 3.2, room)) for n, text in enumerate(lines) if text]
    for n, (label, value) in enumerate(rows):
        column, line = divmod(n, 5)
        out.append(Text(108 + 38 * column, 12 + 4.2 * line, 3.2, label, colour="#555555"))
        out.append(Text(108 + 38 * column + (14 if label != "P-QRS-T axes" else 23), 12 + 4.2 * line, 3.2, value))
    out += [Text(108, 34.5, 2.6, title, colour="#555555")] if rows else []
    out += [Text(198, 12 + 3.7 * n, 3.0, fitted(text, 3.0, 85.5)) for n, text in enumerate(said)]
    out += (
        [Text(283.5, 34.9, 2.6, "Recorder's statements, unconfirmed", "end", colour="#555555")] if said and len(said) < 7 else []
    )
    window = (
        f"{header.number(options.begin)}–{header.number(round(min(end, recording.duration), 3))} s of {recording.duration:.1f} s"
    )
    state = [f"{options.speed:g} mm/s", f"{options.gain:g} mm/mV", header.filters(recording), f"{recording.rate:g} Hz", window]
    state += [f"not drawn: {', '.join(left[:4])}{f' and {len(left) - 4} more' if len(left) > 4 else ''}"] if left else []
    state += [f"{', '.join(computed)} from I and II"] if computed else []
    state += [f"offset taken off {', '.join(moved)}"] if moved else []
    out.append(Text(LEFT, 206.5, 3.0, fitted(" · ".join(state), 3.0, 215.0)))
    out.append(Text(LEFT + GRID_WIDTH, 206.5, 2.6, "Isthmus", "end", colour="#555555"))
    return out
