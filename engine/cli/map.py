"""isthmus map: prints what a message becomes."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import click
import msgspec

from engine.cli.messages import STDIN, message_files, messages
from engine.cli.output import FINDINGS, as_json, say, show_table
from engine.cli.progress import counted
from engine.fault import Fault, Kind
from engine.plugins import plugins
from engine.settings import shipped


@click.command(short_help="Print the FHIR Bundle a message becomes.")
@click.argument("words", nargs=-1, metavar="[MAPPING] FILE…")
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), help="Write one file a message into this folder.")
@click.option("--mappings", type=click.Path(path_type=Path, file_okay=False, exists=True), help="The folder of mappings.")
@click.option(
    "--trace",
    is_flag=True,
    help="Print where each value came from instead: element, value, source path, bytes, rule. With --json fixed texts, too.",
)
@as_json
def command(words: tuple[str, ...], out: Path | None, mappings: Path | None, trace: bool, json_: bool) -> None:
    """Print the FHIR Bundle a message becomes, by the named mapping or the one that fits its type (MSH-9).

    Nothing is sent or stored. Without a file, standard input is read. Numbers keep their digits. With --json all messages make one
    document: their names, what they become, their faults.

    \b
    Examples:
      isthmus map message.hl7
      isthmus map oru_r01 message.hl7
      isthmus map messages/*.hl7 --out bundles/
      cat message.hl7 | isthmus map
      isthmus map --trace message.hl7
    """
    from engine.mapping.installed import installed  # noqa: PLC0415
    from engine.mapping.library import load_folder  # noqa: PLC0415

    library = load_folder(mappings or shipped("mappings"), installed())
    named, files = chosen(words, library.mappings)
    rows: list[dict[str, Any]] = []
    taken: set[str] = set()
    for path in counted(files, "messages") if out else files:
        for name, message, format_name, format in messages(path, library.mappings[named].reads[0] if named else ""):
            result = mapped(library, named, format_name, format, message, trace)
            faults = result if isinstance(result, tuple) else ()
            rows.append({"message": name, "becomes": None, "faults": [fault.as_dict() for fault in faults]})
            if isinstance(result, tuple):
                _refused(name, faults, json_)
            elif out:
                target = free_name(name, result, taken)
                out.mkdir(parents=True, exist_ok=True)
                (out / target).write_bytes(result)
                rows[-1]["becomes"] = str(out / target)
            elif trace and not json_:
                _traced(name, msgspec.json.decode(result))
            elif json_:
                rows[-1]["becomes"] = msgspec.Raw(result) if result[:1] in b"{[" else result.decode("utf-8", "backslashreplace")
            else:
                sys.stdout.buffer.write((result.replace(b"\r", b"\n") if sys.stdout.isatty() else result) + b"\n")
                sys.stdout.buffer.flush()
    if json_:
        click.echo(encoded(rows))
    sys.exit(FINDINGS if any(row["faults"] for row in rows) else 0)


def _traced(message: str, rows: list[dict[str, Any]]) -> None:
    """What was read from the message, as a table."""
    read = [row for row in rows if row["path"]]
    cells = [(row["target"], row["value"], row["path"], "{}-{}".format(*row["bytes"]), row["rule"]) for row in read]
    show_table(("element", "value", "read from", "bytes", "rule"), cells, message)


def chosen(words: tuple[str, ...], known: Any) -> tuple[str, list[Path]]:
    """The mapping named by the first word, if one is, and the files."""
    first = words[0] if words else ""
    named = first if first in known and not Path(first).exists() else ""
    if first and not named and not Path(first).exists() and Path(first) != STDIN:
        near = get_close_matches(first, known, 1)
        help = f"Did you mean {near[0]!r}?" if near else f"Mappings: {', '.join(sorted(known))}"
        raise click.UsageError(f"{first!r} is neither a file nor a mapping. {help}")
    return named, message_files([Path(word) for word in words[1 if named else 0 :]])


def free_name(message: str, result: bytes, taken: set[str]) -> str:
    """A file name for a message's result that no other of this call has: batch.hl7#2 gives batch-2.json."""
    name, mark, number = message.rpartition("#") if "#" in message else (message, "", "")
    stem = Path(name).stem + (f"-{number}" if mark else "")
    end = "json" if result[:1] in b"{[" else "txt"
    found, again = f"{stem}.{end}", 2
    while found in taken:
        found, again = f"{stem}-{again}.{end}", again + 1
    taken.add(found)
    return found


def _refused(name: str, faults: tuple[Fault, ...], json_: bool) -> None:
    if not json_:
        click.echo(f"{name}:", err=True)
        for fault in faults:
            say(fault)


def mapped(
    library: Any, named: str, format_name: str, format: Any, body: bytes | Fault, trace: bool = False
) -> bytes | tuple[Fault, ...]:
    """One message's result as bytes, or its faults."""
    from engine.mapping.library import choose  # noqa: PLC0415

    envelope = body if isinstance(body, Fault) else format.envelope(body)
    if isinstance(envelope, Fault):
        return (envelope,)
    mapping = library.mappings[named] if named else choose(library, format_name, envelope.type)
    if mapping is None:
        text = "no mapping reads this type of message"
        return (Fault(Kind.UNSUPPORTED, "E916", text, "MSH-9", f"name one of: {', '.join(sorted(library.mappings))}"),)
    scope = body if isinstance(body, Fault) else format.parse(body)
    if isinstance(scope, Fault):
        return (scope,)
    if trace:
        rows = [
            {
                "target": one.target,
                "value": one.value,
                "path": one.path,
                "bytes": [one.start, one.end],
                "rule": f"{one.rule.file}:{one.rule.line}",
            }
            for one in mapping.trace(scope)
        ]
        return encoded(rows)
    if mapping.whole is not None:
        return written(mapping, format, scope)
    result = mapping.run(scope)
    if isinstance(result, tuple):
        return result
    collect = plugins("outputs").get(mapping.writes)
    done = collect([put.body for put in result]) if collect else [put.body for put in result]
    return done if isinstance(done, bytes) else encoded(done)


def written(mapping: Any, format: Any, scope: Any) -> bytes | tuple[Fault, ...]:
    """The messages a mapping with `segments:` writes; one for each resource of its type where the format holds resources."""
    within = getattr(format, "within", None)
    made = []
    for number, one in enumerate(within(scope, mapping.reads[1]) if within else [scope], 1):
        message = mapping.write(one, datetime.now(UTC), str(number))
        if isinstance(message, tuple):
            return message
        made.append(message)
    return b"".join(made)


def encoded(value: Any) -> bytes:
    """Indented JSON with exact decimals."""
    return msgspec.json.format(msgspec.json.Encoder(decimal_format="number", enc_hook=str).encode(value), indent=2)
