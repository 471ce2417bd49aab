"""The command `isthmus`: one file a verb, imported when it is called; plug-ins add verbs by the entry point `isthmus.commands`.

Exit codes: 0 fine, 1 findings, 2 usage, 3 unavailable, 130 interrupted.
"""

from __future__ import annotations

import sys
from importlib import import_module
from importlib.metadata import entry_points
from io import TextIOWrapper
from typing import Any

import click

VERBS = {
    "run": "Start the engine and keep it running.",
    "demo": "Start the engine, send a small hospital's traffic, show what became of it.",
    "lint": "Check channels, mappings and tables; every finding with its line.",
    "check": "Check messages: readable, accepted, mapped, valid; nothing is sent or stored.",
    "test": "Run the tests beside the mappings.",
    "map": "Print the FHIR Bundle a message becomes.",
    "coverage": "Compare the mappings with expected bundles, fact by fact.",
    "deploy": "Replace the running engine's channels and mappings, all or nothing.",
    "find": "Find messages in the journal.",
    "show": "Show one message: its bytes, its history, its faults.",
    "replay": "Send journalled messages through their channel again.",
    "alert": "Alerts: list, show, ack, quiet, test.",
    "top": "Live numbers by channel and destination.",
    "tap": "Show messages as they come in, values masked.",
    "reconcile": "Account for every message received and every parcel due.",
    "dead": "Parcels that were given up: list, revive.",
    "pause": "Send nothing more to a destination until it is resumed.",
    "resume": "Send to a paused destination again.",
    "list": "List channels, mappings, tables, plug-ins or faults, with their options.",
    "create": "Create a channel, mapping or table to start from.",
    "doctor": "Examine this machine and the engine's data, and say what to mend.",
    "migrate": "Bring the database to this version.",
}

HELP = """Isthmus, an HL7/FHIR integration engine.

\b
Examples:
  isthmus demo                             see it work, with made-up traffic
  isthmus run                              start: MLLP on 127.0.0.1:2575, HTTP on 127.0.0.1:8080
  isthmus map message.hl7                  what a message becomes
  isthmus send message.hl7                 send it to the running engine
  isthmus find --state held                what needs a person
  isthmus lint && isthmus test             before a deploy
"""


class Verbs(click.Group):
    """Finds a verb's file when it is called, so that `--help` and small verbs stay quick."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [*VERBS, *sorted(point.name for point in entry_points(group="isthmus.commands") if point.name not in VERBS)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name in VERBS:
            found: Any = import_module(f"engine.cli.{cmd_name}").command
            return found  # type: ignore[no-any-return]
        for point in entry_points(group="isthmus.commands", name=cmd_name):
            loaded: Any = point.load()
            return loaded  # type: ignore[no-any-return]
        return None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        rows = [*VERBS.items()]  # the name list is that of a verb here, once it is imported
        for name in self.list_commands(ctx)[len(VERBS) :]:
            command = self.get_command(ctx, name)
            rows.append((name, command.get_short_help_str(90) if command else ""))
        with formatter.section("Commands"):
            formatter.write_dl(rows)

    def invoke(self, ctx: click.Context) -> Any:
        from engine.cli.guard import guarded  # noqa: PLC0415

        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, TextIOWrapper):
                stream.reconfigure(errors="backslashreplace")  # a terminal that cannot show a character is no reason to fail
        with guarded("--json" in ctx._protected_args + ctx.args):
            return super().invoke(ctx)

    def resolve_command(self, ctx: click.Context, args: list[str]) -> tuple[str | None, click.Command | None, list[str]]:
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            from difflib import get_close_matches  # noqa: PLC0415

            near = get_close_matches(args[0], self.list_commands(ctx), 1)
            raise click.UsageError(f"{error.message} Did you mean {near[0]!r}?" if near else error.message, ctx) from None


@click.group(cls=Verbs, help=HELP, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(package_name="isthmus", prog_name="isthmus")
def main() -> None:
    pass
