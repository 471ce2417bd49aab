"""ECG files on disk: a path to its bytes and the files that belong to it; nothing outside its own folder is opened."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from adapters.ecg import wfdb
from adapters.ecg.formats import MOST, read
from adapters.ecg.holter import Trends
from adapters.ecg.holter import read as read_trends
from adapters.ecg.recording import Recording, bad, measurable
from adapters.ecg.wfdb_head import base
from engine.fault import Fault, Kind

MOST_BESIDE = 1024
SKIPPED = {".dat", ".md", ".py", ".txt", ".svg", ".pdf", ".png"}


def read_path(path: Path) -> Recording | Fault:
    """Reads a file, or a WFDB record by its header, its signal file or its bare name."""
    if path.is_dir():
        return Fault(
            Kind.NOT_FOUND, "E163", "the folder holds no recordings", str(path), "name the folder they lie in, not one above it"
        )
    found = _header(path)
    body = _bytes(found)
    if isinstance(body, Fault):
        return body
    return read(body, found.name, beside=_beside(found) if wfdb.looks(body) else None)


def tracings(paths: tuple[Path, ...]) -> Iterator[tuple[Path, Recording | Fault]]:
    """Every recording meant, as a model is to see it."""
    for path in expand(paths):
        yield path, _patients(read_path(path))


def tracing(body: bytes, name: str = "", beside: Mapping[str, bytes] | None = None) -> Recording | Fault:
    """A file's recording as a model is to see it; arguments as those of `adapters.ecg.read`."""
    return _patients(read(body, name, beside))


def _patients(one: Recording | Fault) -> Recording | Fault:
    """Without a calibration pulse that closes it."""
    return replace(one, samples=measurable(one)) if isinstance(one, Recording) else one


def trends_path(path: Path) -> Trends | Fault:
    """Reads a Holter trend export."""
    body = _bytes(path)
    return body if isinstance(body, Fault) else read_trends(body)


def expand(paths: tuple[Path, ...]) -> Iterator[Path]:
    """The files meant: a folder stands for the recordings directly in it, WFDB records once."""
    for path in paths:
        if not path.is_dir():
            yield path
            continue
        inside = sorted(one for one in path.iterdir() if one.is_file() and not one.name.startswith("."))
        records = {one.stem for one in inside if one.suffix == ".hea"}
        meant = [one for one in inside if one.suffix == ".hea" or (one.stem not in records and one.suffix.lower() not in SKIPPED)]
        yield from meant or [path]  # a folder of nothing is told, too


def _header(path: Path) -> Path:
    """The header of a record that is named without it."""
    header = path.with_name(path.name + ".hea") if not path.exists() else path.with_suffix(".hea")
    return header if (not path.exists() or path.suffix == ".dat") and header.is_file() else path


def _bytes(path: Path) -> bytes | Fault:
    """A regular file's bytes, whole, within the limit."""
    try:
        with path.open("rb") as file:
            if not path.is_file() or os.fstat(file.fileno()).st_size > MOST:
                return bad("E153", f"this is no file, or one longer than {MOST} bytes", str(path))
            return file.read()
    except OSError as error:
        return Fault(Kind.NOT_FOUND, "E163", "the file cannot be read", str(path), error.strerror or "")


def _beside(header: Path) -> dict[str, bytes]:
    """The files of the header's own record, and those it names, in its folder."""
    text = header.read_bytes()[:200_000].decode("utf-8", "replace")
    named = {base(line.split()[0]) for line in text.splitlines()[1:] if line.strip() and not line.startswith("#")}
    out: dict[str, bytes] = {}
    for one in sorted(header.parent.iterdir()):
        if (one.stem in {header.stem, *named} or one.name in named) and len(out) < MOST_BESIDE and one != header:
            body = _bytes(one)
            if not isinstance(body, Fault):
                out[one.name] = body
    return out
