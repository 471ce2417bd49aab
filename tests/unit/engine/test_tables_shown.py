"""A table on a terminal, in a pipe, and where it is wider than the terminal: what it holds can be read and copied whole."""

from __future__ import annotations

import io
import sys

import pytest

from engine.cli.output import show_table

ID = "01a1fcd7-9bb7-713a-8e7c-d3fe54a17709"
ROW = ("2026-11-21 06:42:30+00:00", "held", "hospital", "LAB|SAINT_MADEUP^2.16.840.1.113883.19.5", ID)
COLUMNS = ("received", "state", "channel", "sender", "id")


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def shown(out: io.StringIO, monkeypatch: pytest.MonkeyPatch, width: int, *rows: tuple[str, ...]) -> list[str]:
    monkeypatch.setenv("COLUMNS", str(width))
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setattr(sys, "stdout", out)
    show_table(COLUMNS, rows)
    return out.getvalue().splitlines()


def test_a_pipe_gets_a_line_a_row_without_blanks_behind_it(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = shown(io.StringIO(), monkeypatch, 80, ROW, ROW)
    assert [line.split()[-1] for line in lines if "hospital" in line] == [ID, ID]
    assert lines == [line.rstrip() for line in lines if line]


def test_tables_with_titles_stand_apart_in_a_pipe(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    for title in ("One", "Two"):
        show_table(("name",), [("a",)], title)
    assert [line.strip("─ ") for line in capsys.readouterr().out.splitlines()] == [
        "One",
        "",
        "name",
        "",
        "a",
        "",
        "Two",
        "",
        "name",
        "",
        "a",
        "",
    ]


def test_a_terminal_wide_enough_gets_a_table(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = shown(Terminal(), monkeypatch, 200, ROW)
    assert any(all(cell in line for cell in ROW) for line in lines)


def test_on_a_narrow_terminal_a_cell_stands_whole_on_a_line_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = shown(Terminal(), monkeypatch, 80, ROW, (*ROW[:3], "", "another"))
    assert lines == [
        "received  2026-11-21 06:42:30+00:00", "state     held", "channel   hospital",
        "sender    LAB|SAINT_MADEUP^2.16.840.1.113883.19.5", f"id        {ID}", "",
        "received  2026-11-21 06:42:30+00:00", "state     held", "channel   hospital", "id        another",
    ]  # fmt: skip


def test_no_rows_are_told_as_none(monkeypatch: pytest.MonkeyPatch) -> None:
    assert shown(Terminal(), monkeypatch, 80) == ["None."]
