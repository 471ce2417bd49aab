"""Tracings in columns as spreadsheets, watches and scripts write them: the same samples whatever the signs between them."""

from __future__ import annotations

import time

import ecg_made as made
import numpy as np
import pytest

from adapters.ecg import Recording, read
from engine.fault import Fault

ROWS = made.tracing(3, 300)  # µV
MV = [[f"{value / 1000:.3f}" for value in row] for row in ROWS.T]
UV = [[str(value) for value in row] for row in ROWS.T]


def lines(cells: list[list[str]], mark: str = ",") -> str:
    return "\n".join(mark.join(row) for row in cells) + "\n"


def quoted(cells: list[list[str]]) -> list[list[str]]:
    return [[f'"{cell}"' for cell in row] for row in cells]


def timed(cells: list[list[str]], form: str = "{:.3f}", step: float = 0.002) -> list[list[str]]:
    return [[form.format(n * step), *row] for n, row in enumerate(cells)]


def comma(cells: list[list[str]]) -> list[list[str]]:
    return [[cell.replace(".", ",") for cell in row] for row in cells]


WRITTEN = {
    "every cell quoted": "fs,500\nunit,uV\n" + lines(quoted([["I", "II", "V1"], *UV])),
    "decimal commas in quotes between commas": '"fs","500"\n"unit","mV"\n' + lines(quoted([["I", "II", "V1"], *comma(MV)])),
    "a mark at the end of each line": "fs;500;;\nunit;mV;;\nI;II;V1;\n" + lines([[*row, ""] for row in comma(MV)], ";"),
    "remarks before the head": "# fs: 500\n# unit: mV\nI,II,V1\n" + lines(MV),
    "an equals sign": "fs=500\nunit=mV\nI,II,V1\n" + lines(MV),
    "one blank between names": "unit: mV\ntime I II V1\n" + lines(timed(MV), " "),
    "a unit a column": "time,I (mV),II (uV),V1 (mV)\n"
    + lines(timed([[a, b, c] for (a, _, c), (_, b, _) in zip(MV, UV, strict=True)])),
    "a row of units": "time,I,II,V1\ns,mV,uV,mV\n"
    + lines(timed([[a, b, c] for (a, _, c), (_, b, _) in zip(MV, UV, strict=True)])),
    "milliseconds": "unit,uV\ntime_ms,I,II,V1\n" + lines(timed(UV, "{:.0f}", 2)),
    "a timestamp": "unit,uV\ntimestamp,I,II,V1\n" + lines(timed(UV)),
    "seconds elapsed": "unit,uV\nelapsed_time,I,II,V1\n" + lines(timed(UV)),
    "a sample number": "fs,500\nunit,uV\nsample number,I,II,V1\n" + lines(timed(UV, "{:.0f}", 1)),
}


@pytest.mark.parametrize("name", WRITTEN)
@pytest.mark.parametrize("charset", ["utf-8", "utf-8-sig", "utf-16"])
def test_the_same_samples_whatever_the_signs(name: str, charset: str) -> None:
    one = read(WRITTEN[name].encode(charset))
    assert isinstance(one, Recording), one
    assert (one.leads, one.rate) == (("I", "II", "V1"), 500.0)
    assert np.abs(one.samples - ROWS).max() < 0.001
    assert not one.warnings


def test_an_empty_cell_is_a_gap() -> None:
    one = read(b"fs,500\nunit,uV\nI,II\n1,2\n,3\n4,\n5,6\nnan,7\n")
    assert isinstance(one, Recording)
    assert np.array_equal(one.samples, np.array([[1, np.nan, 4, 5, np.nan], [2, 3, np.nan, 6, 7]]), equal_nan=True)


@pytest.mark.parametrize("line", [b",,,,\n", b'"1","2"\n', b'"1,2"\n', b'"\n'])
def test_five_megabytes_of_odd_cells_are_read_or_refused_within_a_second(line: bytes) -> None:
    body = b"fs,500\nI,II,V1\n1,2,3\n4,5,6\n" + line * (5_000_000 // len(line))
    began = time.process_time()
    assert isinstance(read(body), Recording | Fault)
    assert time.process_time() - began < 1
