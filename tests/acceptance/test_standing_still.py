"""An engine told something while it starts, and one whose database stands still."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
from pathlib import Path

import pytest

from tests.acceptance.running import ROOT, Start
from tests.acceptance.test_engine import MESSAGES, get, talk


def children(pid: int) -> list[int]:
    """A process's children, and theirs."""
    found = [int(one) for task in Path(f"/proc/{pid}/task").glob("*/children") for one in task.read_text().split()]
    return found + [below for one in found for below in children(one)]


def ready(http: str) -> bool:
    try:
        return bool(get(f"{http}/readyz")["status"] == "ready")
    except urllib.error.HTTPError as error:
        assert error.code == 503
        return False


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="the database's processes are looked up in /proc")
def test_readiness_is_told_while_the_database_stands_still(own_engine: Start) -> None:
    engine = own_engine()
    pid = int((engine.data / "postgres/postgres/data/postmaster.pid").read_text().split()[0])
    server = [pid, *children(pid)]
    assert ready(engine.http)
    for one in server:
        os.kill(one, signal.SIGSTOP)
    try:
        for _ in range(2):
            began = time.monotonic()
            assert not ready(engine.http)
            assert time.monotonic() - began < 9  # get() itself gives up after ten
    finally:
        for one in server:
            os.kill(one, signal.SIGCONT)
    until = time.monotonic() + 30
    while not ready(engine.http) and time.monotonic() < until:
        time.sleep(0.1)
    assert ready(engine.http)


def test_a_full_disk_refuses_messages_and_readiness_until_there_is_room(
    own_engine: Start, request: pytest.FixtureRequest
) -> None:
    folder = Path(tempfile.mkdtemp(prefix="isthmus-engine-"))  # where the database's user may enter
    folder.chmod(0o755)
    (folder / "data").mkdir()
    request.addfinalizer(lambda: shutil.rmtree(folder, ignore_errors=True))
    mount = ["mount", "-t", "tmpfs", "-o", "size=600m,mode=755", "tmpfs", str(folder / "data")]
    if subprocess.run(mount, capture_output=True, check=False).returncode != 0:
        pytest.skip("only root may make a small disk")
    request.addfinalizer(lambda: subprocess.run(["umount", "-l", str(folder / "data")], check=True))
    engine = own_engine("--workers", "1", folder=folder)
    assert talk(engine.port("hospital"), MESSAGES[4]) == ["AA"]
    filling = folder / "data" / "filling"
    handle = os.open(filling, os.O_CREAT | os.O_WRONLY)
    with contextlib.suppress(OSError):
        while True:
            os.write(handle, b"0" * 65536)
    os.close(handle)
    codes = talk(engine.port("hospital"), *(MESSAGES[4].replace(b"|DEMO", b"|F%d" % n) for n in range(100)))
    assert codes[-1] == "AR"
    assert not ready(engine.http)
    filling.unlink()
    assert ready(engine.http)
    assert talk(engine.port("hospital"), MESSAGES[4].replace(b"|DEMO", b"|AGAIN")) == ["AA"]
    engine.stop()


@pytest.mark.parametrize(("number", "lives"), [(signal.SIGHUP, True), (signal.SIGTERM, False)])
def test_a_signal_while_it_starts_is_obeyed_in_order(number: signal.Signals, lives: bool, request: pytest.FixtureRequest) -> None:
    data = Path(tempfile.mkdtemp(prefix="isthmus-engine-"))  # where the database's user may enter
    data.chmod(0o755)
    request.addfinalizer(lambda: shutil.rmtree(data, ignore_errors=True))
    log = data / "log"
    command = [
        sys.executable,
        "-m",
        "engine",
        "run",
        "--data",
        str(data / "data"),
        "--http",
        "127.0.0.1:0",
        "--mllp",
        "127.0.0.1:0",
    ]
    with log.open("wb") as output:
        process = subprocess.Popen(command, cwd=ROOT, stdout=output, stderr=output)
    try:
        wait_for(log, "creating a database")
        process.send_signal(number)
        if lives:
            wait_for(log, "Ready.")
            assert log.read_text().count('"deployed"') == 2  # at the start, and for the signal
            process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
        assert lives or "a source listens" not in log.read_text()
        assert not (data / "data/postgres/postgres/data/postmaster.pid").exists()
    finally:
        process.kill()
        process.wait()


def wait_for(log: Path, words: str) -> None:
    until = time.monotonic() + 60
    while words not in log.read_text():
        assert time.monotonic() < until, log.read_text()[-2000:]
        time.sleep(0.02)
