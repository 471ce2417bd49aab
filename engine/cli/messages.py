"""Message files for the verbs that read them: from paths, folders or standard input, split where a file holds several."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import click

from engine.fault import Fault
from engine.plugins import formats

LARGEST = 64 * 1024 * 1024
STDIN = Path("-")


def message_files(named: Sequence[Path]) -> list[Path]:
    """The files named, those of named folders, or `-` for standard input when none is named."""
    found: list[Path] = []
    for path in named or [STDIN]:
        if path.is_dir():
            inside = sorted(each for each in path.iterdir() if each.is_file() and not each.name.startswith("."))
            if not inside:
                raise click.UsageError(f"{path} holds no files")
            found += inside
        elif path == STDIN or path.is_file() or path.is_fifo():
            found.append(path)
        else:
            raise click.UsageError(f"there is no file {path}")
    return found


def body(path: Path) -> bytes:
    """A file's bytes, or those of standard input; ends the command when there are too many."""
    if path == STDIN:
        if sys.stdin.isatty():
            click.echo("reading a message from standard input; Ctrl-D ends it", err=True)
        read = sys.stdin.buffer.read(LARGEST + 1)
    else:
        with path.open("rb") as file:
            read = file.read(LARGEST + 1)
    if len(read) > LARGEST:
        raise click.UsageError(f"{title(path)} is larger than {LARGEST // 1024**2} MiB")
    return read


def title(path: Path) -> str:
    """How a file is called in what is printed."""
    return "stdin" if path == STDIN else path.name


def messages(path: Path, format: str = "") -> Iterator[tuple[str, bytes | Fault, str, Any]]:
    """(name, message, format's name, format) of each message in a file; a batch's messages are numbered. A Fault where it is none.

    `format` names the one to read it by; otherwise the content tells.
    """
    whole = body(path)
    name, reader = (format, formats()[format]) if format else recognise(whole)
    for part, message in parts(reader, title(path), whole):
        yield part, message, name, reader


def recognise(body: bytes) -> tuple[str, Any]:
    """The first installed format that recognises the body; HL7 v2, which says best what is wrong, where none does."""
    for name, format in formats().items():
        sniff = getattr(format, "recognises", None)
        if sniff is not None and sniff(body):
            return name, format
    return "hl7v2", formats()["hl7v2"]


def parts(format: Any, name: str, body: bytes) -> Iterator[tuple[str, bytes | Fault]]:
    """The messages in one body: the format's own idea of a batch, or the body itself."""
    split = getattr(format, "split", None)
    taken = split(body) if split is not None else ()
    if isinstance(taken, Fault):
        yield name, taken
        return
    found = tuple(taken) or (body,)
    for number, part in enumerate(found, 1):
        yield (f"{name}#{number}" if len(found) > 1 else name), part
