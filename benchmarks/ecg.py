"""Milliseconds a recording to read, measure, draw, make resources of, and write.

    python -m benchmarks.ecg [FILE…] [--rounds N]

Without files, a made twelve-lead recording of ten seconds is used, written in each format that can be written.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import statistics
import time
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np

from adapters.ecg import Recording, read
from adapters.ecg.draw import Options, page, pdf, svg
from adapters.ecg.fhir_parts import Context, Source
from adapters.ecg.folder import read_path
from adapters.ecg.leads import STANDARD
from adapters.ecg.recording import measurable, physical
from adapters.ecg.resources import resources
from adapters.ecg.whole import Written
from adapters.ecg.write import WRITERS, write
from fhir.encode import dumps


def made(number: int = 1) -> Recording:
    """Ten seconds of twelve leads at 500 Hz with beats, noise and a step of 5 µV."""
    rng = np.random.default_rng(number)
    t = np.arange(5000) / 500
    beat = np.exp(-(((t % 0.8) - 0.3) ** 2) / 0.0002) + 0.2 * np.exp(-(((t % 0.8) - 0.55) ** 2) / 0.003)
    rows = np.rint([200 * (0.4 + 0.1 * n) * beat + rng.normal(0, 2, 5000) for n in range(12)]).astype(np.int64)
    samples = np.array([physical(row, Decimal(5)) for row in rows])
    return Recording("made", STANDARD, samples, 500.0, scale=(Decimal(5),) * 12, origin=(Decimal(0),) * 12)


def spent(work: Callable[[], Any], rounds: int) -> float:
    """The median of several rounds, in ms."""
    times = []
    for _ in range(rounds):
        began = time.perf_counter()
        work()
        times.append((time.perf_counter() - began) * 1000)
    return statistics.median(times)


def analysis() -> Callable[..., dict[str, Any]] | None:
    try:
        from inference.measure import analyse
    except ImportError:
        return None
    return analyse


def row(name: str, reading: Callable[[], Any], one: Recording, rounds: int) -> None:
    measure = analysis()
    measured = measure(measurable(one), one.rate, one.leads) if measure else None
    drawn = page(one, Options(), measured)
    assert not hasattr(drawn, "kind")
    source, context = Source(hashlib.sha256(b"").hexdigest(), b"x"), Context(datetime(2026, 1, 1, tzinfo=UTC))
    cells = [
        spent(reading, rounds),
        spent(lambda: measure(measurable(one), one.rate, one.leads), max(1, rounds // 3)) if measure else float("nan"),
        spent(lambda: svg(page(one, Options(), measured)), rounds),  # type: ignore[arg-type]
        spent(lambda: pdf(page(one, Options(), measured)), rounds),  # type: ignore[arg-type]
        spent(lambda: [dumps(body) for body in resources(one, source, context, measured)], rounds),
        len(gzip.compress(svg(drawn))) / 1000,
    ]
    print(f"{name:<28}" + "".join(f"{cell:>10.1f}" for cell in cells))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("files", nargs="*", type=Path)
    parser.add_argument("--rounds", type=int, default=9)
    given = parser.parse_args()
    print(f"{'':<28}{'read':>10}{'measure':>10}{'svg':>10}{'pdf':>10}{'resources':>10}{'svg.gz kB':>10}")
    for path in given.files:
        one = read_path(path)
        if isinstance(one, Recording):
            row(path.name, lambda path=path: read_path(path), one, given.rounds)  # type: ignore[misc]
        else:
            print(f"{path.name:<28}{one.code}")
    if not given.files:
        one = made()
        for name in WRITERS:
            files = write(one, name)
            assert isinstance(files, Written)
            row(name, lambda files=files: read(files.body, beside=files.files), one, given.rounds)  # type: ignore[misc]


if __name__ == "__main__":
    main()
