"""A forked process: a copy that lives its own life, seen by its parent as `subprocess.Popen` would show it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

SHOW = """
import os, subprocess, sys, time
from engine.workers.forked import Forked
{body}
"""


def child(body: str) -> str:
    """Runs the code in an interpreter that has one thread, as an engine that forks has."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", SHOW.format(body=body)], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_it_has_what_its_parent_has_and_reads_no_input() -> None:
    told = child(
        "ours, theirs = os.pipe()\nheld = ['loaded']\n"
        "one = Forked(lambda: os.write(theirs, repr((held, os.getppid(), sys.stdin.read())).encode()) and None)\n"
        "print(one.wait(30), os.read(ours, 999).decode() == repr((held, os.getpid(), '')))"
    )
    assert told.split() == ["0", "True"]


@pytest.mark.parametrize(
    ("work", "code"), [("lambda: os._exit(7)", 7), ("lambda: 1 / 0", 1), ("lambda: sys.exit(3)", 1), ("lambda: None", 0)]
)
def test_how_it_ended_is_told_and_it_never_goes_on_with_its_parents_work(work: str, code: int) -> None:
    assert child(f"one = Forked({work})\nprint(one.wait(30), one.poll(), 'parent')").split() == [str(code), str(code), "parent"]


def test_one_that_lives_is_told_so_until_it_is_killed() -> None:
    told = child(
        "one = Forked(lambda: time.sleep(60))\nprint(one.poll())\n"
        "try:\n    one.wait(0.05)\nexcept subprocess.TimeoutExpired:\n    print('late')\n"
        "one.kill()\nprint(one.wait(30))\none.kill()"
    )
    assert told.split() == ["None", "late", str(-signal.SIGKILL)]


@pytest.mark.skipif(not Path("/proc/self").is_dir(), reason="processes are looked up in /proc")
def test_it_leaves_no_process_behind() -> None:
    pid = int(child("one = Forked(lambda: None)\none.wait(30)\nprint(one.pid)"))
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
