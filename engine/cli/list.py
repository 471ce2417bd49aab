"""isthmus list: what there is, with its options."""

from __future__ import annotations

import dataclasses
import inspect
import typing
from collections.abc import Iterator
from difflib import get_close_matches
from importlib.resources import files
from typing import Any

import click

from engine.cli.output import as_json, show_json, show_table
from engine.plugins import plugins
from engine.settings import Settings, default_data, shipped

WHAT = ("channels", "mappings", "tables", "rules", "formats", "sources", "steps", "destinations", "stores", "faults")


@click.command(short_help="List channels, mappings, tables, rules, plug-ins or faults, with their options.")
@click.argument("what", type=click.Choice(WHAT), default="channels")
@click.argument("name", required=False)
@as_json
def command(what: str, name: str | None, json_: bool) -> None:
    """List what there is: WHAT is channels, mappings, tables, rules (of alerts), formats, sources, steps, destinations, stores or
    faults.

    With a NAME, its options with their types, defaults and meaning.

    \b
    Examples:
      isthmus list
      isthmus list sources mllp
      isthmus list faults E301
    """
    rows = [row for row in _rows(what) if name is None or row["name"] == name]
    if not rows and name:
        near = get_close_matches(name, [row["name"] for row in _rows(what)], 1)
        raise click.UsageError(f"there is no {name!r} among the {what}." + (f" Did you mean {near[0]!r}?" if near else ""))
    if json_:
        show_json(rows)
        return
    for row in rows:
        options = row.pop("options", None)
        if options and (name or len(rows) == 1):
            click.echo(f"{row['name']}: {row['title']}\n")
            show_table(("option", "type", "default", "meaning"), [tuple(option.values()) for option in options])
            return
    columns = [column for column in (rows[0] if rows else {"name": ""}) if column != "options"]
    show_table(columns, [[row[column] for column in columns] for row in rows])


def _rows(what: str) -> Iterator[dict[str, Any]]:
    if what in ("formats", "sources", "steps", "destinations", "stores"):
        for name, kind in sorted(plugins(what).items()):
            yield {"name": name, "title": first_line(kind), "options": list(options(kind))}
    elif what == "faults":
        yield from _faults()
    else:
        from engine.deployment import deploy, dry_site  # noqa: PLC0415

        settings = Settings(default_data(), channels=shipped("channels"), mappings=shipped("mappings"))
        found = deploy(settings, dry_site(settings))
        if what == "channels":
            for channel in found.channels.values():
                plan = found.plans.get(channel.name)
                yield {
                    "name": channel.name,
                    "title": channel.title,
                    "version": plan.digest if plan else "in error",
                    "file": channel.file,
                }
        elif what == "mappings":
            for mapping in found.library.mappings.values():
                reads = " ".join(filter(None, mapping.reads))
                yield {"name": mapping.name, "reads": reads, "writes": mapping.writes, "version": mapping.digest}
        elif what == "rules":
            for rule in found.site.rules.values():
                yield {
                    "name": rule.name,
                    "title": rule.title,
                    "watches": rule.watches,
                    "severity": rule.severity,
                    "file": rule.file,
                }
        else:
            for table in found.library.tables.values():
                yield {"name": table.name, "file": table.file}


def options(kind: type) -> Iterator[dict[str, str]]:
    """A plug-in's options from its dataclass; a field's meaning is the comment or metadata beside it."""
    if not dataclasses.is_dataclass(kind):
        return
    comments = _comments(kind)
    hints = typing.get_type_hints(kind)
    for field in dataclasses.fields(kind):
        value = field.default if field.default_factory is dataclasses.MISSING else field.default_factory()
        default = "(must be given)" if value is dataclasses.MISSING else _written(value)
        hint = hints[field.name]
        meaning = str(field.metadata.get("help", "")) or comments.get(field.name, "")
        yield {"option": field.name.replace("_", " "), "type": said(hint), "default": default, "meaning": meaning}


def _written(value: Any) -> str:
    """A default as an analyst would write it; nothing for what is not there."""
    if isinstance(value, tuple | list):
        return ", ".join(map(_written, value))
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return str(int(value)) if value == int(value) else str(value)
    return str(value) if value else ""


def said(hint: Any) -> str:
    """A type as an analyst reads it."""
    inner = typing.get_args(hint)
    if typing.get_origin(hint) is typing.Literal:
        return " | ".join(map(str, inner))
    if type(None) in inner:
        return " | ".join(said(each) for each in inner if each is not type(None))
    if inner and typing.get_origin(hint) in (list, tuple):
        return f"list of {said(inner[0])}"
    if inner or hint is dict:
        return "names with values"
    words = {str: "text", int: "number", float: "number", bool: "true | false"}
    return words.get(hint) or ("names with values" if dataclasses.is_dataclass(hint) else str(getattr(hint, "__name__", hint)))


def first_line(kind: Any) -> str:
    """The first sentence of a docstring."""
    return (inspect.getdoc(kind) or "").partition("\n\n")[0].replace("\n", " ").partition(". ")[0].rstrip(".")


def _comments(kind: type) -> dict[str, str]:
    """The comments that stand after a dataclass's fields."""
    try:
        lines = inspect.getsource(kind).splitlines()
    except OSError:
        return {}
    found = {}
    for line in lines:
        code, mark, comment = line.partition("  # ")
        name = code.strip().partition(":")[0]
        if mark and name.isidentifier():
            found[name] = comment.strip()
    return found


def _faults() -> Iterator[dict[str, Any]]:
    text = files("engine").joinpath("faults.md").read_text(encoding="utf-8")  # in a checkout a link to docs/faults.md
    for line in text.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split(" | ")]
        if line.startswith("| E") and len(cells) >= 3:
            yield {
                "name": cells[0].strip("| "),
                "kind": cells[1],
                "meaning": cells[2],
                "help": cells[3].strip(" |") if len(cells) > 3 else "",
            }
