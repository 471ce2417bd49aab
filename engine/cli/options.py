"""Options several verbs share, and the way to the database of a running or a resting engine."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import click

from engine.cli.output import stop
from engine.fault import Fault, Kind
from engine.home import note
from engine.settings import Settings, default_data, shipped, split_address, usual_workers

FOLDER = click.Path(path_type=Path, file_okay=False)
READ = click.Path(path_type=Path, file_okay=False, exists=True)


def data_option(function: Callable[..., Any]) -> Callable[..., Any]:
    """`--data`: the engine's data folder."""
    return click.option(
        "--data", type=FOLDER, default=None, help="The data folder. [ISTHMUS_DATA, else a folder of the user's own]"
    )(function)


def engine_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """The options of verbs that start an engine."""
    for option in reversed(
        (
            click.option(
                "--data", type=FOLDER, default=None, help="The data folder. [ISTHMUS_DATA, else a folder of the user's own]"
            ),
            click.option(
                "--http", default=None, metavar="HOST:PORT", help="Where HTTP listens. [ISTHMUS_HTTP, else 127.0.0.1:8080]"
            ),
            click.option(
                "--mllp",
                default=None,
                metavar="HOST:PORT",
                help="Where the shipped channels listen for MLLP. [ISTHMUS_MLLP, else 127.0.0.1:2575]",
            ),
            click.option(
                "--channels", type=READ, default=None, help="The folder of channels. [./channels, else the shipped ones]"
            ),
            click.option(
                "--mappings", type=READ, default=None, help="The folder of mappings. [./mappings, else the shipped ones]"
            ),
            click.option(
                "--workers",
                type=click.IntRange(0, 64),
                default=usual_workers,
                show_default="2, on one processor 1",
                envvar="ISTHMUS_WORKERS",
                show_envvar=True,
                help="Processes that work quick messages; 0 works them in the engine's own, which needs less memory and is slower.",
            ),
            click.option(
                "--log-level",
                type=click.Choice(["debug", "info", "warning", "error"]),
                default="info",
                show_default=True,
                help="What is logged, and what is graver.",
            ),
            click.option(
                "--i-accept-data-loss", "accept", is_flag=True, help="Start although the database may lose what it said it kept."
            ),
        )
    ):
        function = option(function)
    return function


def settings(
    data: Path | None,
    http: str | None,
    mllp: str | None,
    channels: Path | None,
    mappings: Path | None,
    workers: int,
    log_level: str,
    accept: bool,
) -> Settings:
    """The settings of an engine from its options; ends the command on a wrong address."""
    address = split_address(http or os.environ.get("ISTHMUS_HTTP", "127.0.0.1:8080"))
    if isinstance(address, Fault):
        raise click.UsageError(f"--http: {address.text}")
    if mllp:
        checked = split_address(mllp)
        if isinstance(checked, Fault):
            raise click.UsageError(f"--mllp: {checked.text}")
        os.environ["ISTHMUS_MLLP"] = f"{checked[0]}:{checked[1]}"
    for name in ("ISTHMUS_ZONE", "ISTHMUS_ECG_ZONE"):
        zone(name)
    return Settings(
        data=(data or default_data()).expanduser().resolve(),
        database_url=os.environ.get("DATABASE_URL", ""),
        http_host=address[0],
        http_port=address[1],
        channels=(channels or shipped("channels")).resolve(),
        mappings=(mappings or shipped("mappings")).resolve(),
        accept_data_loss=accept,
        log_level=log_level,
        workers=workers,
        pending=number("ISTHMUS_PENDING", "messages", 20_000, 1, 10_000_000),
        keep_audit=number("ISTHMUS_KEEP_AUDIT", "days", 0, 1, 36_500),
        origins=listed("ISTHMUS_ORIGINS"),
        subscription_hosts=listed("ISTHMUS_SUBSCRIPTION_HOSTS"),
        subscription_networks=listed("ISTHMUS_SUBSCRIPTION_NETWORKS"),
        subscription_retry=os.environ.get("ISTHMUS_SUBSCRIPTION_RETRY", ""),
    )


def number(name: str, unit: str, usual: int, least: int, most: int) -> int:
    """An environment variable that holds a number of something, `usual` when it is not set; ends the command when it is none."""
    text = os.environ.get(name, "")
    if text and not (text.isascii() and text.isdigit() and least <= int(text) <= most):
        raise click.UsageError(f"{name} is a number of {unit}, from {least} to {most}")
    return int(text) if text else usual


def zone(name: str) -> None:
    """Ends the command when an environment variable names no zone of time: a wrong one would be taken for UTC."""
    text = os.environ.get(name, "")
    try:
        known = not text or bool(re.fullmatch(r"UTC|[+-]\d{4}", text)) or ("/" in text and bool(ZoneInfo(text)))
    except (ValueError, OSError, ZoneInfoNotFoundError):
        known = False
    if not known:
        raise click.UsageError(f"{name}={text} is no zone; for example Europe/Berlin")


def listed(name: str) -> tuple[str, ...]:
    """An environment variable that holds several values, with commas or blanks between."""
    return tuple(os.environ.get(name, "").replace(",", " ").split())


@contextmanager
def database(data: Path | None, json_: bool = False) -> Iterator[str]:
    """The DSN of the engine's database: DATABASE_URL, the running engine's, else the embedded server started for the while."""
    if url := os.environ.get("DATABASE_URL"):
        yield url
        return
    folder = (data or default_data()).expanduser().resolve()
    if found := note(folder):
        yield str(found["dsn"])
        return
    if not (folder / "postgres").is_dir():
        stop(
            Fault(
                Kind.UNAVAILABLE,
                "E914",
                "no engine has run on this data folder",
                str(folder),
                "`isthmus run` starts one; --data names another",
            ),
            json_,
        )
    from engine import postgres  # noqa: PLC0415

    server = postgres.start(folder / "postgres", lambda text: click.echo(text, err=True))
    if isinstance(server, Fault):
        stop(server, json_)
    try:
        yield server.dsn
    finally:
        server.stop()
