"""What surrounds the engine: its folder, its settings, its logs, its slow helpers."""

from __future__ import annotations

import asyncio
import gc
import json
import logging
import os
import pickle
import platform
import resource
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import uvicorn
from hypothesis import given
from hypothesis import strategies as st

from engine import log as logs
from engine.fault import Fault
from engine.home import Home, enter, new_token, note
from engine.settings import default_data, shipped, split_address
from engine.slow import Slow

# --- the data folder ------------------------------------------------------------------------------------------------------------


def test_one_engine_at_a_time_and_the_next_when_it_has_left(tmp_path: Path) -> None:
    first = enter(tmp_path / "new" / "data")
    assert isinstance(first, Home)
    second = enter(tmp_path / "new" / "data")
    assert isinstance(second, Fault)
    assert second.code == "E911"
    first.leave()
    third = enter(tmp_path / "new" / "data")
    assert isinstance(third, Home)
    third.leave()


def test_the_lock_ends_with_its_process(tmp_path: Path, root: Path) -> None:
    code = f"import os; from pathlib import Path; from engine.home import enter; enter(Path({str(tmp_path)!r})); os.kill(os.getpid(), 9)"
    done = subprocess.run([sys.executable, "-c", code], cwd=root, check=False)
    assert done.returncode == -signal.SIGKILL
    again = enter(tmp_path)
    assert isinstance(again, Home)
    again.leave()


def test_a_folder_that_cannot_be_is_a_fault(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    found = enter(tmp_path / "file" / "data")
    assert isinstance(found, Fault)
    assert found.code == "E910"


def test_the_note_is_for_its_owner_only_and_gone_afterwards(tmp_path: Path) -> None:
    home = enter(tmp_path)
    assert isinstance(home, Home)
    assert note(tmp_path) is None
    home.announce(token="secret", dsn="x")
    assert stat.S_IMODE((tmp_path / "engine.json").stat().st_mode) == 0o600
    assert not (tmp_path / "engine.json.new").exists()
    assert note(tmp_path) == {"pid": os.getpid(), "token": "secret", "dsn": "x"}
    home.leave()
    assert note(tmp_path) is None


@pytest.mark.parametrize("text", ["", "{}", "[]", "17", '{"pid": "x"}', '{"pid": 4194305}', "\ufeff"])
def test_a_note_that_is_none_or_of_a_dead_process_is_no_engine(text: str, tmp_path: Path) -> None:
    (tmp_path / "engine.json").write_text(text)
    assert note(tmp_path) is None


def test_tokens_are_long_and_differ() -> None:
    made = {new_token() for _ in range(100)}
    assert len(made) == 100
    assert min(map(len, made)) >= 43  # 256 bits in base64


# --- settings -------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("127.0.0.1:8080", ("127.0.0.1", 8080)),
        ("tcp:10.0.0.5:2575", ("10.0.0.5", 2575)),
        ("[::1]:8080", ("::1", 8080)),
        ("8080", ("127.0.0.1", 8080)),
        (":0", ("127.0.0.1", 0)),
        ("localhost:65535", ("localhost", 65535)),
    ],
)
def test_an_address_is_read(text: str, expected: tuple[str, int]) -> None:
    assert split_address(text) == expected


@pytest.mark.parametrize(
    "text", ["", "host", "host:", "host:65536", "host:-1", "host:²", "host:٣", "host:80 ", "host:" + "9" * 5000]
)
def test_what_is_no_address_is_a_fault(text: str) -> None:
    found = split_address(text)
    assert isinstance(found, Fault)
    assert found.code == "E901"


@given(st.text())
def test_no_text_breaks_the_reading_of_addresses(text: str) -> None:
    assert isinstance(split_address(text), Fault | tuple)


def test_the_data_folder_is_the_environments_else_the_users_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("ISTHMUS_DATA", str(tmp_path))
    assert default_data() == tmp_path
    monkeypatch.delenv("ISTHMUS_DATA")
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert default_data() == Path("/var/lib/isthmus")
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "xdg"))
    assert default_data() == tmp_path / "xdg" / "isthmus"


def test_the_working_folders_channels_come_before_the_shipped_ones(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, root: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    assert shipped("channels") == root / "channels"
    (tmp_path / "channels").mkdir()
    assert shipped("channels") == tmp_path / "channels"


# --- logs -----------------------------------------------------------------------------------------------------------------------

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
    assert json.loads(ours)["place"].startswith("engine/test_surroundings.py:")
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


# --- slow work ------------------------------------------------------------------------------------------------------------------


def test_slow_work_is_done_elsewhere_and_given_up_when_it_is_late_or_dies() -> None:
    async def main() -> list[object]:
        slow = Slow(1)
        try:
            other = await slow.run(os.getpid)
            late = await slow.run(time.sleep, 30, timeout=0.3)
            died = await slow.run(os.abort)
            again = await slow.run(os.getpid)
            return [other != os.getpid(), late.code, died.code, isinstance(again, int)]
        finally:
            slow.stop(wait=False)

    assert asyncio.run(main()) == [True, "E292", "E293", True]


def test_an_exception_of_the_work_itself_is_the_callers() -> None:
    slow = Slow(1)
    with pytest.raises(ZeroDivisionError):
        slow.call(divmod, 1, 0)
    slow.stop(wait=False)


def test_one_work_that_is_late_or_dies_costs_its_neighbours_nothing() -> None:
    """Each of three works is killed, late or fine; the fine ones run beside them the whole time in processes that stay."""
    slow = Slow(3)
    try:
        with ThreadPoolExecutor(3) as threads:
            before = {one.result() for one in [threads.submit(slow.call, _pid_after, 0.3) for _ in range(3)]}
            fine = threads.submit(slow.call, _pid_after, 1.2)
            late, died = threads.submit(slow.call, time.sleep, 30, timeout=0.3), threads.submit(slow.call, os.abort)
            assert (late.result().code, died.result().code) == ("E292", "E293")
            assert fine.result() in before
            after = {one.result() for one in [threads.submit(slow.call, _pid_after, 0.3) for _ in range(3)]}
        assert len(before) == len(after) == 3
        assert fine.result() in after and len(before & after) == 1
    finally:
        slow.stop(wait=False)


def _page_faults_of_a_large_block() -> int:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    block = b"x" * (4 << 20)
    assert len(block) == 4 << 20
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before


def _span(seconds: float) -> tuple[float, float]:
    began = time.monotonic()
    time.sleep(seconds)
    return began, time.monotonic()


def _pid_after(seconds: float) -> int:
    time.sleep(seconds)
    return os.getpid()


def test_while_a_processor_is_spared_one_work_fewer_goes_on() -> None:
    slow = Slow(2)

    def most() -> int:
        """Of four works, how many went on at a time."""
        with ThreadPoolExecutor(4) as threads:
            spans = [one.result() for one in [threads.submit(slow.call, _span, 0.2) for _ in range(4)]]
        return max(sum(began <= at < ended for began, ended in spans) for at, _ in spans)

    try:
        most()  # the processes start
        assert most() == 2
        slow.spare(60)
        assert most() == 1
        slow.spare(0)
        assert most() == 2
    finally:
        slow.stop(wait=False)


def test_a_work_that_finds_no_free_process_in_time_is_late_and_ends_none() -> None:
    slow = Slow(1)
    with ThreadPoolExecutor(2) as threads:
        long = threads.submit(slow.call, _pid_after, 0.6)
        time.sleep(0.1)
        assert slow.call(abs, -1, timeout=0.1).code == "E292"
        pid = long.result()
    assert slow.call(os.getpid) == pid
    os.kill(pid, signal.SIGKILL)  # while it does nothing: the next work is not its victim
    time.sleep(0.2)
    assert slow.call(abs, -1) == 1
    slow.stop()


@pytest.mark.skipif(not hasattr(os, "SCHED_BATCH"), reason="only Linux has SCHED_BATCH")
def test_slow_work_steps_back_from_quick_work() -> None:
    slow = Slow(1)
    nice, policy = slow.call(os.nice, 0), slow.call(os.sched_getscheduler, 0)
    slow.stop()
    assert nice >= os.nice(0) + 10 or nice == 19
    assert policy == os.SCHED_BATCH


def test_what_a_slow_process_has_loaded_is_not_looked_through_for_garbage() -> None:
    slow = Slow(1)
    before = slow.call(gc.get_freeze_count)  # some Pythons freeze a few of their own
    assert slow.call(gc.get_freeze_count) > before + 1000
    slow.stop()


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc has mallopt")
def test_a_slow_process_keeps_the_memory_it_works_with() -> None:
    slow = Slow(1)
    slow.call(_page_faults_of_a_large_block)
    assert slow.call(_page_faults_of_a_large_block) < 100  # 4 MiB are 1024 pages
    slow.stop()


def test_what_cannot_be_handed_over_is_an_exception_and_the_process_goes_on() -> None:
    slow = Slow(1)
    with pytest.raises((AttributeError, TypeError, pickle.PicklingError)):
        slow.call(lambda: 1)
    with pytest.raises(RuntimeError, match="handed over"):
        slow.call(_unsendable)
    assert slow.call(abs, -3) == 3
    slow.stop()


def _unsendable() -> object:
    return lambda: 1
