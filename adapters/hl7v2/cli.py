"""isthmus send: sends HL7 v2 messages over MLLP and shows what became of each."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import click

from adapters.hl7v2.batch import split
from adapters.hl7v2.client import Reply, send
from adapters.hl7v2.header import read_header
from adapters.hl7v2.source import parse_address
from adapters.safe_tls import Tls, client_context
from engine.fault import Fault

UNASKED = "no answer, as MSH-15 asks"
ANSWERED = ("E138", "E139")  # AE and AR: somebody is there and said no


@click.command(name="send", short_help="Send HL7 v2 messages over MLLP, each after the last one's acknowledgement.")
@click.argument("files", nargs=-1, type=click.Path(path_type=Path))
@click.option(
    "--to",
    default="127.0.0.1:2575",
    envvar="ISTHMUS_MLLP",
    metavar="HOST:PORT",
    help="The receiver. [ISTHMUS_MLLP, else 127.0.0.1:2575]",
)
@click.option("--timeout", default=30.0, show_default=True, help="Seconds to wait for an acknowledgement.")
@click.option("--tls-ca", type=click.Path(path_type=Path, exists=True), help="Speak TLS; trust this authority.")
@click.option("--json", "json_", is_flag=True, help="Print JSON for programs.")
def command(files: Sequence[Path], to: str, timeout: float, tls_ca: Path | None, json_: bool) -> None:
    """Send HL7 v2 messages over MLLP, each after the last one's acknowledgement; files, folders, or standard input.

    A file may hold several messages or a batch; they leave as they are. Where MSH-15 wants no answer to what is accepted, silence is
    one. Exit code 0 when all are accepted, 1 when one is not, 3 when nobody answers.

    \b
    Examples:
      isthmus send message.hl7
      isthmus send messages/ --to 10.0.0.5:2575
      cat message.hl7 | isthmus send --json
    """
    address = parse_address(to)
    if isinstance(address, Fault):
        raise click.UsageError(f"--to: {address.text}")
    context = client_context(Tls(ca=str(tls_ca))) if tls_ca else None
    if isinstance(context, Fault):
        raise click.UsageError(f"--tls-ca: {context.text}")
    rows = asyncio.run(_send(*address, list(_messages(files)), timeout, context, json_))
    if json_:
        click.echo(json.dumps(rows, indent=2))
    else:
        good = sum("fault" not in row for row in rows)
        click.echo(f"{good} of {len(rows)} accepted", err=True)
    faults = [row for row in rows if "fault" in row]
    sys.exit(3 if any(row["exit"] == 3 for row in faults) else 1 if faults else 0)


async def _send(
    host: str, port: int, messages: list[tuple[str, bytes]], timeout: float, tls: Any, quiet: bool
) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    began = time.perf_counter()
    answers = send(host, port, [body for _, body in messages], timeout=timeout, tls=tls)
    async for answer in answers:
        name, body = messages[len(rows)]
        now = time.perf_counter()
        row: dict[str, Any] = {"file": name, "control_id": _control_id(body), "ms": round((now - began) * 1000, 1)}
        began = now
        if isinstance(answer, Reply):
            row["answer"] = answer.code
        else:
            row |= {"answer": "", "fault": answer.as_dict(), "exit": 1 if answer.code in ANSWERED else answer.kind.answer.exit}
        rows.append(row)
        if not quiet:
            told = answer.code or UNASKED if isinstance(answer, Reply) else f"{answer.code} {answer.text}"
            click.echo(f"{name}  {row['control_id']}  {told}  {row['ms']} ms")
        if row.get("exit") == 3:
            if not quiet and isinstance(answer, Fault) and answer.help:
                click.echo(f"  = help: {answer.help} {host}:{port} was called; --to names another.", err=True)
            break
    await answers.aclose()  # type: ignore[attr-defined]
    return rows


def _messages(files: Sequence[Path]) -> Iterator[tuple[str, bytes]]:
    for path in files or [Path("-")]:
        if path.is_dir():
            inside = sorted(each for each in path.iterdir() if each.is_file() and not each.name.startswith("."))
            if not inside:
                raise click.UsageError(f"{path} holds no files")
            yield from _messages(inside)
            continue
        if str(path) != "-" and not path.is_file() and not path.is_fifo():
            raise click.UsageError(f"there is no file {path}")
        body = sys.stdin.buffer.read() if str(path) == "-" else path.read_bytes()
        body = body.strip(b"\x0b\x1c\r\n") + b"\r"
        for message in split(body).messages:
            yield path.name, message


def _control_id(body: bytes) -> str:
    header = read_header(body)
    return "" if isinstance(header, Fault) else header.value(10)
