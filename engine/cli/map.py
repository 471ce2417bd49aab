"""isthmus map: prints what a message becomes."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click
import msgspec

from engine.cli.messages import bodies, parts, recognise
from engine.cli.output import FINDINGS, say
from engine.fault import Fault, Kind
from engine.plugins import plugins
from engine.settings import shipped


@click.command(short_help="Print the FHIR Bundle a message becomes.")
@click.argument("words", nargs=-1, metavar="[MAPPING] FILE…")
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), help="Write one file a message into this folder.")
@click.option("--mappings", type=click.Path(path_type=Path, file_okay=False), help="The folder of mappings.")
@click.option("--trace", is_flag=True, help="Print where each value came from instead: element, value, source path, rule.")
def command(words: tuple[str, ...], out: Path | None, mappings: Path | None, trace: bool) -> None:
    """Print the FHIR Bundle a message becomes, by the named mapping or the one that fits its type (MSH-9).

    Nothing is sent or stored. Without a file, standard input is read. Numbers keep their digits.

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
    named = words[0] if words and words[0] in library.mappings and not Path(words[0]).is_file() else ""
    if words and not named and not Path(words[0]).exists() and words[0] != "-":
        raise click.UsageError(f"{words[0]!r} is neither a file nor a mapping; mappings: {', '.join(sorted(library.mappings))}")
    failed = False
    if out:
        out.mkdir(parents=True, exist_ok=True)
    for name, body in bodies([Path(word) for word in words[1 if named else 0 :]]):
        format_name, format = recognise(body)
        for part, message in parts(format, name, body):
            result = mapped(library, named, format_name, format, message, trace)
            if isinstance(result, tuple):
                failed = True
                click.echo(f"{part}:", err=True)
                for fault in result:
                    say(fault)
            elif out:
                (
                    out
                    / f"{Path(part).stem if '#' not in part else part.replace('#', '-')}.{'json' if result[:1] in b'{[' else 'txt'}"
                ).write_bytes(result)
            else:
                sys.stdout.buffer.write(result + b"\n")
                sys.stdout.buffer.flush()
    sys.exit(FINDINGS if failed else 0)


def mapped(
    library: Any, named: str, format_name: str, format: Any, body: bytes, trace: bool = False
) -> bytes | tuple[Fault, ...]:
    """One message's result as bytes, or its faults."""
    from engine.mapping.library import choose  # noqa: PLC0415

    envelope = format.envelope(body)
    if isinstance(envelope, Fault):
        return (envelope,)
    mapping = library.mappings[named] if named else choose(library, format_name, envelope.type)
    if mapping is None:
        text = "no mapping reads this type of message"
        return (Fault(Kind.UNSUPPORTED, "E916", text, "MSH-9", f"name one of: {', '.join(sorted(library.mappings))}"),)
    scope = format.parse(body)
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
    result = mapping.run(scope)
    if isinstance(result, tuple):
        return result
    collect = plugins("outputs").get(mapping.writes)
    done = collect([put.body for put in result]) if collect else [put.body for put in result]
    return done if isinstance(done, bytes) else encoded(done)


def encoded(value: Any) -> bytes:
    """Indented JSON with exact decimals."""
    return msgspec.json.format(msgspec.json.Encoder(decimal_format="number", enc_hook=str).encode(value), indent=2)
