"""Long work shows itself on standard error, for people only: nothing where standard error is no terminal."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TypeVar

T = TypeVar("T")


@contextmanager
def working(text: str) -> Iterator[None]:
    """A line that moves while something takes its time."""
    from rich.console import Console  # noqa: PLC0415

    with Console(stderr=True).status(f"{text} …"):
        yield


def counted(items: Sequence[T], text: str) -> Iterator[T]:
    """The items one by one, with a bar of how many are done."""
    from rich.console import Console  # noqa: PLC0415
    from rich.progress import track  # noqa: PLC0415

    console = Console(stderr=True)
    yield from track(items, text, console=console, transient=True, disable=not console.is_terminal)


@contextmanager
def bar(text: str) -> Iterator[Callable[[int, int], None]]:
    """A function to be told (done, of how many)."""
    from rich.console import Console  # noqa: PLC0415
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn  # noqa: PLC0415

    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as shown:
        task = shown.add_task(text, total=None)
        yield lambda done, total: shown.update(task, completed=done, total=total)
