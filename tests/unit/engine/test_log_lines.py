"""A line of the log holds only what may be in it, whoever writes it."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator

import pytest
import uvicorn

from engine import log as logs

CANARY = "Canary-Smith-987654321"

NOISY = ("uvicorn", "uvicorn.error", "uvicorn.access", "hl7apy", "spyne", "zeep")


def lines(capsys: pytest.CaptureFixture[str], form: str = "json") -> list[str]:
    return capsys.readouterr().err.splitlines()


@pytest.fixture
def configured() -> Iterator[None]:
    """Logs as the engine writes them; what was set before is put back."""
    names = ["isthmus", *NOISY, *logging.root.manager.loggerDict]
    known = [logging.getLogger(), *map(logging.getLogger, names)]
    before = [(logger, logger.handlers[:], logger.level, logger.propagate, logger.disabled) for logger in known]
    yield
    for logger, handlers, level, propagate, disabled in before:
        logger.handlers[:] = handlers
        logger.setLevel(level)
        logger.propagate, logger.disabled = propagate, disabled


@pytest.mark.usefixtures("configured")
def test_only_allowed_fields_reach_the_log(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("info", "json")
    logs.log("a message was held", channel="lab", code="E404", patient=CANARY, body=CANARY, count=0)
    [line] = lines(capsys)
    row = json.loads(line)
    assert set(row) == {"ts", "level", "event", "channel", "code", "count"}
    assert CANARY not in line


@pytest.mark.usefixtures("configured")
@pytest.mark.parametrize("form", ["json", "text"])
def test_a_field_cannot_forge_a_line_or_drive_a_terminal(form: str, capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("info", form)
    logs.log("connected", address='x\r\n{"level":"error"}\x1b[2J\u202e\u2028' + "y" * 1000)
    [line] = lines(capsys)
    assert not set(line) & {"\x1b", "\r", "\u202e", "\u2028"}
    assert len(line) < 600


@pytest.mark.usefixtures("configured")
def test_an_exceptions_own_words_are_never_written(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("info", "json")
    try:
        raise ValueError(CANARY)
    except ValueError as error:
        logs.failed("it failed", error)
        logging.getLogger("uvicorn.error").error("Exception in ASGI application\n", exc_info=error)
    ours, theirs = lines(capsys)
    assert json.loads(ours)["reason"] == json.loads(theirs)["reason"] == "ValueError"
    assert json.loads(ours)["place"].startswith("engine/test_log_lines.py:")
    assert CANARY not in ours + theirs


@pytest.mark.usefixtures("configured")
@pytest.mark.parametrize("name", ["uvicorn", "uvicorn.error", "a.library"])
def test_a_library_that_set_up_its_own_logs_before_writes_no_words_either(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    uvicorn.Config("a:program")  # as a program does that serves something: handlers and formats of uvicorn's own
    logging.getLogger("a.library").addHandler(logging.StreamHandler())
    logging.getLogger("a.library").propagate = False
    logs.configure("info", "json")
    try:
        raise ValueError(CANARY)
    except ValueError as error:
        logging.getLogger(name).error("it failed", exc_info=error)
    [line] = lines(capsys)
    assert json.loads(line)["reason"] == "ValueError"
    assert CANARY not in line


@pytest.mark.usefixtures("configured")
def test_a_librarys_small_talk_is_not_written_however_loud_it_was_set(capsys: pytest.CaptureFixture[str]) -> None:
    uvicorn.Config("a:program", log_level="trace")
    logs.configure("info", "json")
    logging.getLogger("uvicorn.error").info(CANARY)
    logging.getLogger("uvicorn.access").error(CANARY)
    assert lines(capsys) == []


@pytest.mark.usefixtures("configured")
def test_what_is_below_the_level_is_not_written_and_access_logs_never(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("warning", "json")
    logs.log("small talk")
    logging.getLogger("uvicorn.access").error(f"GET /fhir/R4/Patient?name={CANARY}")
    logging.getLogger("hl7apy").error(CANARY)
    assert lines(capsys) == []
