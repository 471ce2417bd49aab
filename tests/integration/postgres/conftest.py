"""A stopped, initialised data folder that each test gets a copy of."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.fault import Fault
from engine.postgres import Server, start


@pytest.fixture(scope="session")
def initialised() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="isthmus-pg-"))
    server = start(folder)
    assert isinstance(server, Server), server
    server.stop()
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def data(initialised: Path) -> Iterator[Path]:
    """A data folder with a cluster in it, of which nothing runs; whatever runs at the end is stopped."""
    folder = Path(tempfile.mkdtemp(prefix="isthmus-pg-"))
    subprocess.run(["cp", "-a", f"{initialised}/.", str(folder)], check=True)
    yield folder
    server = start(folder)
    if not isinstance(server, Fault):
        server.stop()
    shutil.rmtree(folder)


@pytest.fixture
def fresh() -> Iterator[Path]:
    """An empty folder outside pytest's own, which is closed to the server's user."""
    folder = Path(tempfile.mkdtemp(prefix="isthmus-pg-"))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)
