"""Every verb's help, its examples, and what a mistake in the words is answered with."""

from __future__ import annotations

import click
import pytest

from engine.cli import main
from tests.acceptance.cli.verbs import PANEL, isthmus


def commands() -> list[tuple[str, ...]]:
    """Every verb, and every verb of a verb."""
    found: list[tuple[str, ...]] = []
    context = click.Context(main)
    for verb in main.list_commands(context):
        command = main.get_command(context, verb)
        found += [(verb, each) for each in command.commands] if isinstance(command, click.Group) else [(verb,)]
    return found


def test_the_help_opens_with_examples_and_names_every_verb() -> None:
    told = isthmus("--help").output
    assert told.index("Examples:") < told.index("Commands:")
    assert all(f"\n  {verb[0]} " in told for verb in commands())


@pytest.mark.parametrize("verb", commands(), ids=" ".join)
def test_a_verbs_examples_name_real_options(verb: tuple[str, ...]) -> None:
    told = isthmus(*verb, "--help")
    assert told.exit_code == 0
    shown, _, options = told.output.partition("Options:")
    examples = [line.strip() for line in shown.partition("Example")[2].splitlines() if "isthmus " in line]
    assert examples
    for example in examples:
        for word in example.partition(f"isthmus {' '.join(verb)}")[2].split():
            assert not word.startswith("--") or word in options, example


@pytest.mark.parametrize("verb", commands(), ids=" ".join)
def test_every_verb_that_prints_offers_json(verb: tuple[str, ...]) -> None:
    assert "--json" in isthmus(*verb, "--help").output


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("mpa",), "Did you mean 'map'?"),
        (("lint", "--chanels", "x"), "--channels"),
        (("map", "oru_r10", PANEL), "Did you mean 'oru_r01'?"),
        (("map", "nothing.hl7"), "neither a file nor a mapping"),
        (("map", "oru_r01", "nothing.hl7"), "there is no file nothing.hl7"),
        (("check", "--channel", "hospitl", PANEL), "Did you mean 'hospital'?"),
        (("test", "oru_r10"), "Did you mean 'oru_r01'?"),
        (("list", "sources", "mlpp"), "Did you mean 'mllp'?"),
        (("create", "channel", "Lab Results"), "a name is"),
        (("find", "--since", "yesterday"), "neither a span"),
        (("find", "--since", "999999999d"), "neither a span"),
        (("show", "17"), "no message id"),
        (("replay",), "name messages"),
        (("replay", "17"), "a message id is a UUID"),
        (("run", "--http", "nowhere"), "host:port"),
        (("run", "--http", "127.0.0.1:²"), "host:port"),
        (("send", "--to", "nowhere:x", PANEL), "--to"),
        (("send", "nothing.hl7"), "there is no file"),
        (("lint", "--mappings", "/nowhere"), "does not exist"),
    ],
)
def test_a_mistake_is_exit_2_and_says_what_was_meant(words: tuple[str, ...], told: str) -> None:
    done = isthmus(*words)
    assert done.exit_code == 2
    assert told in done.output
