"""Message files for the verbs that read them: from paths, folders or standard input, split where a file holds several."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import click

from engine.plugins import formats

LARGEST = 64 * 1024 * 1024


def bodies(files: Sequence[Path]) -> Iterator[tuple[str, bytes]]:
    """Yields (name, bytes) for each file, or for standard input when none is named or the name is `-`."""
    for path in files or [Path("-")]:
        if str(path) == "-":
            yield "stdin", sys.stdin.buffer.read(LARGEST)
        elif path.is_dir():
            yield from bodies(sorted(each for each in path.iterdir() if each.is_file() and not each.name.startswith(".")))
        elif not path.is_file():
            raise click.UsageError(f"there is no file {path}")
        elif path.stat().st_size > LARGEST:
            raise click.UsageError(f"{path} is larger than {LARGEST} bytes")
        else:
            yield path.name, path.read_bytes()


def recognise(body: bytes) -> tuple[str, Any]:
    """The first installed format whose envelope has a message type, else the first that can read the body at all."""
    found = []
    for name, format in formats().items():
        sniff = getattr(format, "recognises", None)
        if sniff is not None and sniff(body):
            found.append((name, format))
    return found[0] if found else ("hl7v2", formats()["hl7v2"])


def parts(format: Any, name: str, body: bytes) -> Iterator[tuple[str, bytes]]:
    """The messages in one body: the format's own idea of a batch, or the body itself."""
    split = getattr(format, "split", None)
    found = list(split(body)) if split is not None else [body]
    for number, part in enumerate(found, 1):
        yield (f"{name}#{number}" if len(found) > 1 else name), part
