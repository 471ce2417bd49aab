"""Beat detection against the MIT-BIH annotations, record by record, beside neurokit2 and wfdb's xqrs in the same run.

    python -m benchmarks.beats DATA/mitdb [--others] [--second]

The first channel of each whole record; a beat counts when it lies within 150 ms of a reference beat, each reference beat once
(ANSI/AAMI EC57 without the learning period: nothing is left out at the start). Beats are the symbols that EC57 counts; what lies
between [ and ] (ventricular flutter and fibrillation, record 207) is left out as there, and the total with it is told as well.
`--others` runs neurokit2 and xqrs too; `--second` takes the second channel.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import wfdb

from inference.signal.beats import detect
from inference.signal.flutter import episodes

BEATS = "NLRBAaJSVrFejnE/fQ?"
WINDOW = 0.150  # s


class Count(NamedTuple):
    """Beats found, missed, and found where none is."""

    right: int
    missed: int
    false: int

    def __add__(self, other: object) -> Count:
        return Count(*(a + b for a, b in zip(self, other, strict=True)))  # type: ignore[call-overload]

    def __str__(self) -> str:
        se = 100 * self.right / max(1, self.right + self.missed)
        ppv = 100 * self.right / max(1, self.right + self.false)
        return f"{self.missed:6d} {self.false:6d} {se:7.2f} {ppv:7.2f}"


def match(reference: np.ndarray, found: np.ndarray, reach: int) -> tuple[list[tuple[int, int]], list[int], list[int]]:
    """Pairs (reference, found), missed and false: nearest first come in time, each once."""
    pairs, missed, false = [], [], []
    i = j = 0
    while i < len(reference) and j < len(found):
        gap = int(found[j]) - int(reference[i])
        if abs(gap) > reach:
            if gap < 0:
                false.append(j)
                j += 1
            else:
                missed.append(i)
                i += 1
            continue
        nearer = j + 1 < len(found) and abs(int(found[j + 1]) - int(reference[i])) < abs(gap)
        taken = (
            i + 1 < len(reference)
            and j + 1 < len(found)
            and abs(found[j + 1] - reference[i + 1]) <= abs(found[j + 1] - reference[i])
        )
        if nearer and not taken:
            false.append(j)
            j += 1
            continue
        pairs.append((i, j))
        i, j = i + 1, j + 1
    return pairs, missed + list(range(i, len(reference))), false + list(range(j, len(found)))


def fibrillation(samples: np.ndarray, symbols: np.ndarray) -> list[tuple[int, int]]:
    """The episodes between [ and ]."""
    return list(zip(samples[symbols == "["].tolist(), samples[symbols == "]"].tolist(), strict=False))


def outside(beats: np.ndarray, episodes: list[tuple[int, int]]) -> np.ndarray:
    """The beats in no episode."""
    keep = np.ones(len(beats), bool)
    for first, last in episodes:
        keep &= (beats < first) | (beats > last)
    return beats[keep]


def isthmus(x: np.ndarray, rate: float) -> np.ndarray:
    return outside(detect(x, rate), episodes(x, rate))


def xqrs(x: np.ndarray, rate: float) -> np.ndarray:
    from wfdb.processing import XQRS

    found = XQRS(sig=x[0].astype(np.float64) / 1000, fs=rate)
    found.detect(verbose=False)
    return np.asarray(found.qrs_inds)


def neurokit(x: np.ndarray, rate: float) -> np.ndarray:
    import neurokit2

    clean = neurokit2.ecg_clean(x[0].astype(np.float64) / 1000, sampling_rate=int(rate))
    return np.asarray(neurokit2.ecg_peaks(clean, sampling_rate=int(rate))[1]["ECG_R_Peaks"])


def read(folder: Path, name: str, channel: int) -> tuple[np.ndarray, float, np.ndarray, np.ndarray]:
    """(lead [1, n] in µV, rate, annotation samples, symbols)."""
    record = wfdb.rdrecord(str(folder / name))
    marks = wfdb.rdann(str(folder / name), "atr")
    return (record.p_signal.T[channel : channel + 1] * 1000).astype(np.float32), record.fs, marks.sample, np.array(marks.symbol)


def run(folder: Path, tools: dict[str, Callable[[np.ndarray, float], np.ndarray]], channel: int) -> None:
    """Prints the table."""
    total = dict.fromkeys(tools, Count(0, 0, 0))
    naive = dict.fromkeys(tools, Count(0, 0, 0))
    spent = dict.fromkeys(tools, 0.0)
    print("record  beats " + " ".join(f"| {tool:>10}: missed false  Se %   PPV %" for tool in tools))
    for name in sorted(path.stem for path in folder.glob("*.hea")):
        x, rate, samples, symbols = read(folder, name, channel)
        every = samples[np.isin(symbols, list(BEATS))]
        episodes = fibrillation(samples, symbols)
        reference = outside(every, episodes)
        reach = round(WINDOW * rate)
        wide = [(first - reach, last + reach) for first, last in episodes]
        row = f"{name:6} {len(reference):6d} "
        for tool, detector in tools.items():
            start = time.process_time()
            found = detector(x, rate)
            spent[tool] += time.process_time() - start
            pairs, missed, false = match(reference, outside(found, wide), reach)
            count = Count(len(pairs), len(missed), len(false))
            total[tool] += count
            pairs, missed, false = match(every, found, reach)
            naive[tool] += Count(len(pairs), len(missed), len(false))
            row += f"| {'':10}  {count} "
        print(row, flush=True)
    print(f"{'total':6} {sum(total[next(iter(tools))][:2]):6d} " + " ".join(f"| {'':10}  {total[tool]}" for tool in tools))
    print(
        "with the episodes between [ and ], where flutter waves are no beats: "
        + " ".join(f"{tool} {naive[tool]}" for tool in tools)
    )
    ours = spent[next(iter(tools))]
    print("CPU s: " + ", ".join(f"{tool} {s:.2f} ({s / ours:.1f}x)" for tool, s in spent.items()))


def main() -> None:
    """Reads the command line."""
    reader = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    reader.add_argument("folder", type=Path)
    reader.add_argument("--others", action="store_true")
    reader.add_argument("--second", action="store_true")
    given = reader.parse_args()
    tools: dict[str, Callable[[np.ndarray, float], np.ndarray]] = {"isthmus": isthmus}
    if given.others:
        tools |= {"neurokit2": neurokit, "xqrs": xqrs}
    run(given.folder, tools, int(given.second))


if __name__ == "__main__":
    main()
