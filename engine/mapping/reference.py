"""The reference of functions for docs/mapping.md and `isthmus list functions`, derived from the functions themselves."""

from __future__ import annotations

from collections.abc import Mapping

from engine.mapping.functions import Function


def table(functions: Mapping[str, Function]) -> str:
    """A Markdown table: how it is written, what it does, an example."""
    lines = ["| function | what it does | example |", "|---|---|---|"]
    for name in sorted(functions):
        one = functions[name]
        words = ", ".join(word.removesuffix("?") for word in one.words)
        shown = f"`{name}({words})`" if words else f"`{name}`"
        lines.append(f"| {shown} | {one.does.replace('|', chr(92) + '|')} | {example(one)} |")
    return "\n".join(lines)


def example(one: Function) -> str:
    """The first example on one line."""
    if not one.examples:
        return ""
    first = one.examples[0]
    given = ", ".join(f"`{value.strip()}`" for value in first.given)
    gives = first.gives.replace("\n", "⏎") if first.gives is not None else "nothing"
    return f"{given} through `{first.call}` gives `{gives}`"
