"""A page as SVG whose user units are millimetres: it prints at its own size and scales without loss."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from adapters.ecg.draw.shapes import Lines, Page, Shade, Text, Trace

FONT = "Liberation Sans, Arial, Helvetica, sans-serif"
ESCAPES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;"})


def svg(page: Page) -> bytes:
    """The page as one SVG document: no scripts, no outside references."""
    x, y, width, height = page.box
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_n(page.width)}mm" height="{_n(page.height)}mm" '
        f'viewBox="0 0 {_n(page.width)} {_n(page.height)}"><title>{_text(page.title)}</title>'
        f'<clipPath id="grid"><rect x="{_n(x)}" y="{_n(y)}" width="{_n(width)}" height="{_n(height)}"/></clipPath>'
        f'<rect width="{_n(page.width)}" height="{_n(page.height)}" fill="#fff"/>'
    ]
    parts += [_shade(shade) for shade in page.shades]
    parts += [_lines(lines) for lines in page.lines]
    parts.append(
        '<g clip-path="url(#grid)" fill="none" stroke="#111" stroke-width="0.25" stroke-linejoin="round" stroke-linecap="round">'
    )
    parts += [_trace(trace) for trace in page.traces]
    parts.append(f'</g><g font-family="{FONT}" fill="#111">')
    parts += [_words(text) for text in page.texts]
    return "\n".join([*parts, "</g></svg>\n"]).encode()


def _n(value: float) -> str:
    """A number to a hundredth of a millimetre."""
    return f"{value:.2f}".rstrip("0").rstrip(".")


def _text(words: str) -> str:
    """Text for XML: what XML cannot hold is left out, what it reserves is escaped."""
    kept = "".join(one for one in words if one >= " " and not "\ud800" <= one <= "\udfff" and one not in "\ufffe\uffff")
    return kept.translate(ESCAPES)


def _lines(lines: Lines) -> str:
    path = "".join(
        f"M{_n(x1)} {_n(y1)}" + (f"h{_n(x2 - x1)}" if y1 == y2 else f"v{_n(y2 - y1)}") for x1, y1, x2, y2 in lines.strokes.tolist()
    )  # fmt: skip
    return f'<path class="{_text(lines.name)}" d="{path}" fill="none" stroke="{lines.colour}" stroke-width="{_n(lines.width)}"/>'


def _shade(shade: Shade) -> str:
    place = f'x="{_n(shade.x)}" y="{_n(shade.y)}" width="{_n(shade.width)}" height="{_n(shade.height)}"'
    return f'<rect class="shade" {place} fill="{shade.colour}"/>'


def _trace(trace: Trace) -> str:
    """A path from point to point, each step relative to the rounded place before it, so that rounding never adds up."""
    cells = np.rint(trace.points * 100).astype(np.int64)
    steps = np.diff(cells, axis=0).reshape(-1).tolist()
    label = f' data-lead="{_text(trace.lead)}"' if trace.lead else ' class="calibration"'
    return f'<path{label} d="M{_n(cells[0, 0] / 100)} {_n(cells[0, 1] / 100)}l{" ".join(map(_cell, steps))}"/>'


@lru_cache(8192)
def _cell(value: int) -> str:
    """Hundredths as a number: 5 gives .05."""
    return _n(value / 100).replace("0.", ".", 1) if abs(value) < 100 else _n(value / 100)


def _words(text: Text) -> str:
    anchor = f' text-anchor="{text.anchor}"' if text.anchor != "start" else ""
    weight = ' font-weight="bold"' if text.bold else ""
    colour = f' fill="{text.colour}"' if text.colour != "#111111" else ""
    return (
        f'<text x="{_n(text.x)}" y="{_n(text.y)}" font-size="{_n(text.size)}"{anchor}{weight}{colour}>{_text(text.words)}</text>'
    )
