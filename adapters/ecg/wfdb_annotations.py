"""WFDB annotation files in MIT format (annot(5)): sixteen-bit words, six bits of code and ten of time difference.

Waves written as onset, peak and offset, `(` code `)`, become one annotation with start and end.
"""

from __future__ import annotations

import numpy as np

from adapters.ecg.recording import Annotation

SYMBOLS = {
    1: "N", 2: "L", 3: "R", 4: "a", 5: "V", 6: "F", 7: "J", 8: "A", 9: "S", 10: "E", 11: "j", 12: "/", 13: "Q", 14: "~", 16: "|",
    18: "s", 19: "T", 20: "*", 21: "D", 22: '"', 23: "=", 24: "p", 25: "B", 26: "^", 27: "t", 28: "+", 29: "u", 30: "?", 31: "!",
    32: "[", 33: "]", 34: "e", 35: "n", 36: "@", 37: "x", 38: "f", 39: "(", 40: ")", 41: "r",
}  # fmt: skip
SKIP, NUM, SUB, CHAN, AUX = 59, 60, 61, 62, 63
BOUND = 2_000_000


def read(data: bytes, lead: str = "", multiple: int = 1) -> list[Annotation]:
    """The annotations of a file; what is cut off at its end is left out."""
    words = np.frombuffer(data[: len(data) & ~1], "<u2").tolist()
    out: list[Annotation] = []
    at, now = 0, 0
    while at < len(words) and len(out) < BOUND:
        kind, value = words[at] >> 10, words[at] & 0x3FF
        at += 1
        if kind == 0 and value == 0:
            break
        if kind == SKIP:
            if at + 2 > len(words):
                break
            jump = words[at] << 16 | words[at + 1]
            now += jump - (1 << 32) if jump >> 31 else jump
            at += 2
        elif kind == AUX:
            text = data[2 * at : 2 * at + value].rstrip(b"\0").decode("latin-1")
            at += (value + 1) // 2
            if out:
                out[-1] = Annotation(out[-1].label, out[-1].start, None, lead, text)
        elif kind not in (NUM, SUB, CHAN):
            now += value
            if kind in SYMBOLS:
                out.append(Annotation(SYMBOLS[kind], now * multiple, None, lead))
    return waves(out) if any(mark.label == "(" for mark in out) else out


def waves(marks: list[Annotation]) -> list[Annotation]:
    """`(` p `)` becomes one annotation `p` from onset to offset, its peak in the text; marks without partners stay points."""
    out: list[Annotation] = []
    index = 0
    while index < len(marks):
        three = marks[index : index + 3]
        if [mark.label for mark in three[::2]] == ["(", ")"] and three[1].label not in "()":
            out.append(Annotation(three[1].label, three[0].start, three[2].start, three[1].lead, f"peak {three[1].start}"))
            index += 3
        else:
            out.append(marks[index])
            index += 1
    return out
