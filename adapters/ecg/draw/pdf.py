"""A page as PDF 1.4 (ISO 32000): vectors and the standard fonts, no images, no dates, so equal pages give equal bytes.

The standard fonts hold Western letters only (WinAnsi): Chinese, Japanese and Korean ones are left to fonts of the reader (`eastern.py`),
others are written in Western ones (`letters.py`), and what is left unknown becomes `?`: a wrong name is worse than none.
"""

from __future__ import annotations

import zlib

import numpy as np
from numpy.typing import NDArray

from adapters.ecg.draw.eastern import font, runs
from adapters.ecg.draw.letters import western, width
from adapters.ecg.draw.shapes import Lines, Page, Shade, Text, Trace

MM = 72 / 25.4
UNIT = 100  # the page is drawn in hundredths of a millimetre, so that places are whole numbers
LEVEL = 1  # of compression: 6 takes six times as long for a fifth less


def pdf(page: Page) -> bytes:
    """The page as a PDF of one page of its own size."""
    content = _content(page).encode("latin-1")
    packed = zlib.compress(content, LEVEL)
    box = f"0 0 {page.width * MM:.3f} {page.height * MM:.3f}"
    used = sorted({name for text in page.texts if not text.words.isascii() for name, _ in runs(text.words) if name})
    fonts = "<</F1 5 0 R/F2 6 0 R" + "".join(f"/{name} {7 + 3 * n} 0 R" for n, name in enumerate(used)) + ">>"
    objects = [
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        f"<</Type/Page/Parent 2 0 R/MediaBox[{box}]/Contents 4 0 R/Resources<</Font{fonts}>>>>".encode(),
        f"<</Length {len(packed)}/Filter/FlateDecode>>\nstream\n".encode() + packed + b"\nendstream",
        b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica/Encoding/WinAnsiEncoding>>",
        b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica-Bold/Encoding/WinAnsiEncoding>>",
    ]
    for name in used:
        objects += font(name, len(objects) + 1)
    return _file(objects, b"1.5" if used else b"1.4")


def _file(objects: list[bytes], version: bytes) -> bytes:
    out = bytearray(b"%PDF-" + version + b"\n%\xe2\xe3\xcf\xd3\n")
    places = []
    for number, body in enumerate(objects, 1):
        places.append(len(out))
        out += f"{number} 0 obj\n".encode() + body + b"\nendobj\n"
    start = len(out)
    out += f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n".encode()
    out += b"".join(f"{place:010d} 00000 n \n".encode() for place in places)
    out += f"trailer\n<</Size {len(objects) + 1}/Root 1 0 R>>\nstartxref\n{start}\n%%EOF\n".encode()
    return bytes(out)


def _content(page: Page) -> str:
    """Drawing operators in hundredths of a millimetre from the upper left corner, by one transformation at the start."""
    x, y, width, height = (value * UNIT for value in page.box)
    parts = [f"q {MM / UNIT:.8f} 0 0 {-MM / UNIT:.8f} 0 {page.height * MM:.3f} cm 1 J 1 j"]
    parts += [_shade(shade) for shade in page.shades]
    parts += [_lines(lines) for lines in page.lines]
    parts.append(f"q {x:.0f} {y:.0f} {width:.0f} {height:.0f} re W n")
    parts += [_trace(trace) for trace in page.traces]
    parts.append("Q")
    parts += [_text(text) for text in page.texts]
    return "\n".join([*parts, "Q"])


def _colour(colour: str, operator: str) -> str:
    red, green, blue = (int(colour[n : n + 2], 16) / 255 for n in (1, 3, 5))
    return f"{red:.3f} {green:.3f} {blue:.3f} {operator}"


def _lines(lines: Lines) -> str:
    cells = _cells(lines.strokes)
    strokes = "%d %d m %d %d l\n" * len(lines.strokes) % cells
    return f"{_colour(lines.colour, 'RG')} {lines.width * UNIT:.0f} w\n{strokes}S" if strokes else ""


def _shade(shade: Shade) -> str:
    place = _cells(np.array([shade.x, shade.y, shade.width, shade.height]))
    return f"{_colour(shade.colour, 'rg')} {' '.join(map(str, place))} re f"


def _trace(trace: Trace) -> str:
    path = ("%d %d m" + "\n%d %d l" * (len(trace.points) - 1)) % _cells(trace.points)
    return f"{_colour(trace.colour, 'RG')} {trace.width * UNIT:.0f} w\n{path}\nS"


def _cells(points: NDArray[np.float64]) -> tuple[int, ...]:
    """Places in whole units, one after the other."""
    return tuple(np.rint(points * UNIT).astype(np.int64).ravel().tolist())


def _text(text: Text) -> str:
    """Text is set upright again: the page's y axis points down."""
    pieces = [("", text.words)] if text.words.isascii() else [(name, words) for name, words in runs(text.words) if words]
    raw = "".join(words if name else western(words) for name, words in pieces)
    x = text.x - {"start": 0.0, "middle": 0.5, "end": 1.0}[text.anchor] * width(raw) * text.size
    size, upright = f"{text.size * UNIT:.0f}", "F2" if text.bold else "F1"
    said = [f"/{name or upright} {size} Tf {_said(name, words)} Tj" for name, words in pieces]
    return f"BT {_colour(text.colour, 'rg')} 1 0 0 -1 {x * UNIT:.0f} {text.y * UNIT:.0f} Tm {' '.join(said)} ET"


def _said(collection: str, words: str) -> str:
    """A string of PDF: UTF-16 for the fonts of a collection, else bytes of WinAnsi."""
    if collection:
        return f"<{words.encode('utf-16-be').hex()}>"
    return "(" + western(words).replace("\\", "\\\\").replace("(", "\\(").replace(")", "\\)") + ")"
