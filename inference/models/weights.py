"""Weights on disk: safetensors whose header is checked before it is believed, and whose SHA-256 is checked before that.

Source: the safetensors format, eight bytes of header length, a JSON header, one buffer without holes.
"""

from __future__ import annotations

import hashlib
import json
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from engine.fault import Fault, Kind

MAX_HEADER = 4 * 1024 * 1024
MAX_FILE = 2 * 1024 * 1024 * 1024
TYPES = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "I64": "<i8", "I32": "<i4", "I16": "<i2", "I8": "i1", "U8": "u1", "BOOL": "?"}
WIDTH = {name: np.dtype(kind).itemsize for name, kind in TYPES.items()}


def digest_of(path: Path) -> str | Fault:
    """The SHA-256 of a file."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        return Fault(Kind.NOT_FOUND, "E841", f"the model file cannot be read ({type(error).__name__})", path.name)


def refused(text: str, at: str = "") -> Fault:
    """E846: a safetensors file that lies."""
    return Fault(Kind.INCORRECT, "E846", text, at, "fetch the model again from where it was published")


def check_header(raw: bytes) -> Fault | None:
    """Whether the header tells the truth: known types, small shapes, a buffer filled exactly, no overlap."""
    if len(raw) < 8:
        return refused("the file is too short for safetensors")
    length = int.from_bytes(raw[:8], "little")
    if length > MAX_HEADER or 8 + length > len(raw):
        return refused("the header's length is not possible")
    try:
        header: Any = json.loads(raw[8 : 8 + length])
    except (ValueError, RecursionError):
        return refused("the header is not JSON")
    if not isinstance(header, dict):
        return refused("the header is not an object")
    spans = []
    for name, row in header.items():
        if name == "__metadata__":
            continue
        fault, span = _row(name[:80], row)
        if fault:
            return fault
        spans.append(span)
    at = 0
    for start, end in sorted(spans):
        if start != at:
            return refused("tensors overlap or leave holes")
        at = end
    return None if 8 + length + at == len(raw) else refused("the buffer's length is not what the header says")


def _row(name: str, row: Any) -> tuple[Fault | None, tuple[int, int]]:
    nothing = (0, 0)
    try:
        kind, shape, (start, end) = row["dtype"], row["shape"], row["data_offsets"]
    except (KeyError, TypeError, ValueError):
        return refused("a tensor's entry is incomplete", name), nothing
    whole = isinstance(shape, list) and all(type(n) is int for n in (*shape, start, end))
    if not whole or kind not in WIDTH or len(shape) > 8 or any(not 0 <= n <= 2**31 for n in shape):
        return refused("a tensor's type or shape is not possible", name), nothing
    if start < 0 or end - start != prod(shape) * WIDTH[kind]:
        return refused("a tensor's place is not as large as its shape", name), nothing
    return None, (start, end)


def read_arrays(path: Path, digest: str = "") -> dict[str, npt.NDArray[Any]] | Fault:
    """Reads a safetensors file once, checks its SHA-256 if one is given, then its header, then gives its arrays."""
    try:
        if path.stat().st_size > MAX_FILE:
            return refused("the file is larger than any model of ours", path.name)
        raw = path.read_bytes()
    except OSError as error:
        return Fault(Kind.NOT_FOUND, "E841", f"the model file cannot be read ({type(error).__name__})", path.name)
    if digest and hashlib.sha256(raw).hexdigest() != digest:
        text = "the model's SHA-256 is not the one its manifest states"
        return Fault(Kind.FORBIDDEN, "E845", text, path.name, "fetch the model again")
    fault = check_header(raw)
    if fault:
        return fault
    arrays = _arrays(raw)
    if not all(bool(np.isfinite(value).all()) for value in arrays.values() if value.dtype.kind == "f"):
        return Fault(Kind.INCORRECT, "E844", "the model holds weights that are not numbers", path.name)
    return arrays


def _arrays(raw: bytes) -> dict[str, npt.NDArray[Any]]:
    length = int.from_bytes(raw[:8], "little")
    header = json.loads(raw[8 : 8 + length])
    arrays = {}
    for name, row in header.items():
        if name != "__metadata__":
            start, end = (8 + length + at for at in row["data_offsets"])
            arrays[name] = np.frombuffer(raw[start:end], TYPES[row["dtype"]]).reshape(row["shape"])
    return arrays
