"""Delineation against the annotations of LUDB: every boundary in every lead, and the intervals record by record.

    python -m benchmarks.delineation DATA/ludb [--every N --from K] [--weights FILE.npz] [--neurokit]

A wave found is matched with the annotated wave it overlaps, each once; outside the annotated stretch of a lead nothing is counted.
Errors are found minus annotated, mean ± SD in ms. Interval errors are means over a lead's beats, then mean and SD over records.
Tolerances of IEC 60601-2-25 (mean/SD): P 10/15, PR 10/10, QRS 10/10, QT 25/30. The shipped weights were trained on these records:
see train_delineator.py for figures on records that were held out. LUDB scales each lead by itself, so amplitudes tell nothing.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import wfdb

from inference.measure import Measured, measure
from inference.signal import net

LEADS = ("i", "ii", "iii", "avr", "avl", "avf", "v1", "v2", "v3", "v4", "v5", "v6")
NAMES = ("I", "II", "III", "aVR", "aVL", "aVF", "V1", "V2", "V3", "V4", "V5", "V6")
WAVES = {"p": "P", "N": "QRS", "t": "T"}
TOLERANCE = {"P": (10, 15), "PR": (10, 10), "QRS": (10, 10), "QT": (25, 30)}
Marks = dict[str, dict[str, np.ndarray]]  # lead → wave → rows (onset, offset) in samples


def annotated(folder: Path, name: str) -> tuple[Marks, dict[str, tuple[int, int]]]:
    """The annotated waves with both ends, and each lead's annotated stretch."""
    marks: Marks = {}
    stretch = {}
    for lead, title in zip(LEADS, NAMES, strict=True):
        note = wfdb.rdann(str(folder / name), lead)
        rows: dict[str, list[tuple[int, int]]] = {wave: [] for wave in WAVES.values()}
        for i, symbol in enumerate(note.symbol):
            if symbol in WAVES and 0 < i < len(note.symbol) - 1 and note.symbol[i - 1] == "(" and note.symbol[i + 1] == ")":
                rows[WAVES[symbol]].append((note.sample[i - 1], note.sample[i + 1]))
        marks[title] = {wave: np.array(found).reshape(-1, 2) for wave, found in rows.items()}
        stretch[title] = (int(note.sample.min()) - 25, int(note.sample.max()) + 25)
    return marks, stretch


def ours(x: np.ndarray, rate: float) -> Marks:
    found = measure(x, rate, NAMES)
    assert isinstance(found, Measured)
    return {
        lead: {w: np.array([(a.onset, a.offset) for a in waves if a.wave == w]).reshape(-1, 2) for w in WAVES.values()}
        for lead, waves in found.waves.items()
    }


def neurokit(x: np.ndarray, rate: float) -> Marks:
    import neurokit2

    marks: Marks = {}
    for lead, row in zip(NAMES, x, strict=True):
        marks[lead] = {wave: np.zeros((0, 2)) for wave in WAVES.values()}
        try:
            clean = neurokit2.ecg_clean(row.astype(np.float64) / 1000, sampling_rate=int(rate))
            peaks = neurokit2.ecg_peaks(clean, sampling_rate=int(rate))[1]["ECG_R_Peaks"]
            found = neurokit2.ecg_delineate(clean, peaks, sampling_rate=int(rate), method="dwt")[1]
        except Exception:  # it raises where it finds nothing
            continue
        for wave, stem in (("P", "P"), ("QRS", "R"), ("T", "T")):
            pairs = np.array([found[f"ECG_{stem}_Onsets"], found[f"ECG_{stem}_Offsets"]], float).T
            marks[lead][wave] = pairs[np.isfinite(pairs).all(axis=1)]
    return marks


class Tally:
    """Errors of one tool, gathered."""

    def __init__(self) -> None:
        self.errors: list[tuple[int, str, float, float]] = []  # lead, wave, onset error, offset error in ms
        self.counts = {wave: np.zeros(3, int) for wave in WAVES.values()}  # right, missed, false
        self.records: list[dict[tuple[int, str], tuple[float, float]]] = []
        self.seconds = 0.0

    def add(self, marks: Marks, found: Marks, stretch: dict[str, tuple[int, int]], rate: float) -> None:
        """Compares one record."""
        means: dict[tuple[int, str], tuple[float, float]] = {}
        for number, lead in enumerate(NAMES):
            low, high = stretch[lead]
            for wave, reference in marks[lead].items():
                rows = found[lead][wave]
                rows = rows[(rows.mean(axis=1) > low) & (rows.mean(axis=1) < high)] if len(rows) else rows
                free = np.ones(len(rows), bool)
                errors = []
                for onset, offset in reference:
                    over = np.flatnonzero(free & (rows[:, 0] <= offset) & (rows[:, 1] >= onset)) if len(rows) else []
                    if len(over):
                        best = over[np.abs(rows[over].mean(axis=1) - (onset + offset) / 2).argmin()]
                        free[best] = False
                        errors.append((rows[best] - (onset, offset)) * 1000 / rate)
                self.counts[wave] += (len(errors), len(reference) - len(errors), int(free.sum()))
                self.errors += [(number, wave, float(a), float(b)) for a, b in errors]
                if errors:
                    means[number, wave] = (float(np.mean(errors, axis=0)[0]), float(np.mean(errors, axis=0)[1]))
        self.records.append(means)

    def boundaries(self, leads: set[int]) -> None:
        """Prints mean ± SD of every boundary over some leads."""
        for wave in WAVES.values():
            rows = np.array([(a, b) for lead, w, a, b in self.errors if w == wave and lead in leads]).reshape(-1, 2)
            right, missed, false = self.counts[wave]
            text = f"Se {100 * right / max(1, right + missed):6.2f} PPV {100 * right / max(1, right + false):6.2f}"
            note = f" {text}" if len(leads) > 1 else ""
            m, s = rows.mean(axis=0), rows.std(axis=0)
            print(f"    {wave:4} onset {m[0]:6.1f} ± {s[0]:5.1f}   offset {m[1]:6.1f} ± {s[1]:5.1f}{note}")

    def lengths(self, name: str, leads: set[int]) -> np.ndarray:
        """Interval errors [records, leads], NaN where one end is missing."""
        first, last = {"P": ("P", "P"), "PR": ("P", "QRS"), "QRS": ("QRS", "QRS"), "QT": ("QRS", "T")}[name]
        table = np.full((len(self.records), len(leads)), np.nan)
        for i, means in enumerate(self.records):
            for j, lead in enumerate(sorted(leads)):
                if (lead, first) in means and (lead, last) in means:
                    table[i, j] = means[lead, last][0 if name == "PR" else 1] - means[lead, first][0]
        return table

    def intervals(self) -> None:
        """Prints the interval errors over records: lead II, the average lead, and records averaged over their leads."""
        for name, (bias, scatter) in TOLERANCE.items():
            all_leads = self.lengths(name, set(range(12)))
            two = all_leads[:, 1][np.isfinite(all_leads[:, 1])]
            each = np.array([(c[np.isfinite(c)].mean(), c[np.isfinite(c)].std()) for c in all_leads.T])
            rows = np.array([r[np.isfinite(r)].mean() for r in all_leads if np.isfinite(r).any()])
            passed = "within" if abs(rows.mean()) <= bias and rows.std() <= scatter else "outside"
            print(
                f"    {name:4} record {rows.mean():5.1f} ± {rows.std():4.1f} ({passed} {bias}/{scatter})   "
                f"lead II {two.mean():5.1f} ± {two.std():4.1f}   mean of leads {each[:, 0].mean():5.1f} ± {each[:, 1].mean():4.1f}"
            )


def main() -> None:
    """Reads the command line and prints the tables."""
    reader = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    reader.add_argument("folder", type=Path)
    reader.add_argument("--every", type=int, default=1)
    reader.add_argument("--from", type=int, default=0, dest="first")
    reader.add_argument("--weights", type=Path)
    reader.add_argument("--neurokit", action="store_true")
    reader.add_argument("--leads", action="store_true", help="a table a lead")
    given = reader.parse_args()
    if given.weights:
        stored = {name: value.astype(np.float32) for name, value in np.load(given.weights).items()}
        net.weights = lambda: stored  # type: ignore[assignment]
    tools: dict[str, Callable[[np.ndarray, float], Marks]] = {"isthmus": ours}
    if given.neurokit:
        tools["neurokit2"] = neurokit
    tallies = {tool: Tally() for tool in tools}
    for name in sorted((path.stem for path in given.folder.glob("*.hea")), key=int)[given.first :: given.every]:
        record = wfdb.rdrecord(str(given.folder / name))
        x = (record.p_signal.T * 1000).astype(np.float32)
        marks, stretch = annotated(given.folder, name)
        for tool, run in tools.items():
            start = time.process_time()
            found = run(x, record.fs)
            tallies[tool].seconds += time.process_time() - start
            tallies[tool].add(marks, found, stretch, record.fs)
    for tool, tally in tallies.items():
        print(f"{tool}: {len(tally.records)} records, {1000 * tally.seconds / len(tally.records):.1f} ms CPU a record")
        print("  all leads")
        tally.boundaries(set(range(12)))
        for lead in range(12) if given.leads else (1,):
            print(f"  lead {NAMES[lead]}")
            tally.boundaries({lead})
        print("  intervals, error over records")
        tally.intervals()


if __name__ == "__main__":
    main()
