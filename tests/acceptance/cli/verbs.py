"""What tests of the command line share: a verb in this process or one of its own, and what is fed to it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from click.testing import CliRunner, Result

from adapters.hl7v2.traffic import hospital
from engine.cli import main

MESSAGES = list(hospital(3, 1))
REPORT = MESSAGES[4]
PANEL = "mappings/samples/cmp_panel.hl7"


def isthmus(*words: str, stdin: bytes | None = None) -> Result:
    """A verb in this process; what it raised is raised here, so that no traceback passes for an exit code."""
    done = CliRunner().invoke(main, list(words), input=stdin, env={"DATABASE_URL": None})
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done


def process(*words: str, cwd: Path, stdin: bytes = b"", **environment: str) -> subprocess.CompletedProcess[bytes]:
    """A verb in a process of its own."""
    env = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[3]), **environment}
    return subprocess.run(
        [sys.executable, "-m", "engine", *words], cwd=cwd, capture_output=True, input=stdin, check=False, env=env
    )


def linted(channels: Path, mappings: Path) -> dict[str, Any]:
    done = isthmus("lint", "--json", "--channels", str(channels), "--mappings", str(mappings))
    report: dict[str, Any] = json.loads(done.stdout)
    assert done.exit_code == (1 if report["refused"] else 0)
    return report
