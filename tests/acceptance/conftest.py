"""A real engine in a process of its own, on ports of its own, stopped by a signal."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance.running import Engine, Start, start_engine
from tests.integration.subscribe.subscribed import Endpoint, endpoint


@pytest.fixture(scope="session")
def engine_folder() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="isthmus-engine-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def hook() -> Iterator[Endpoint]:
    """An endpoint that Subscriptions of `engine` may have told."""
    with endpoint() as far:
        yield far


@pytest.fixture(scope="session")
def engine(engine_folder: Path, hook: Endpoint) -> Iterator[Engine]:
    """One engine for all tests that leave it as they found it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ISTHMUS_SUBSCRIPTION_HOSTS", hook.url)
        running = start_engine(engine_folder)
    yield running
    if running.process.poll() is None:
        running.stop()


@pytest.fixture
def own_engine() -> Iterator[Start]:
    """Starts engines of a test's own."""
    folders: list[Path] = []
    started: list[Engine] = []

    def start(*options: str, folder: Path | None = None) -> Engine:
        if folder is None:
            folder = Path(tempfile.mkdtemp(prefix="isthmus-engine-"))
            folder.chmod(0o755)
            folders.append(folder)
        started.append(start_engine(folder, *options))
        return started[-1]

    yield start
    for one in started:
        if one.process.poll() is None:
            one.stop()
    for folder in folders:
        shutil.rmtree(folder, ignore_errors=True)
