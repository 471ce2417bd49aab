"""The command line in the checkout, and copies of the analysts' folders."""

from __future__ import annotations

import functools
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine import deployment
from engine.mapping import library
from engine.mapping.installed import installed

load, load_files = library.load_folder, library.load_files


@functools.cache
def shipped(folder: Path) -> library.Library:
    return load(folder, installed())


@pytest.fixture(scope="module", autouse=True)
def _in_the_checkout(root: Path) -> Iterator[None]:
    """The shipped folder of mappings is compiled once for all these files; copies of it are compiled each time."""
    with pytest.MonkeyPatch.context() as patch:
        mappings = root / "mappings"
        whole = library.read_files(mappings)
        fresh = lambda folder, plugins, known=None: (  # noqa: E731
            shipped(folder) if folder == mappings else load(folder, plugins, known)
        )
        of_files = lambda files, plugins, folder, known=None: (  # noqa: E731
            shipped(mappings) if files == whole else load_files(files, plugins, folder, known)
        )
        patch.setattr(library, "load_folder", fresh)
        patch.setattr(deployment, "load_files", of_files)
        patch.chdir(root)
        yield


@pytest.fixture
def folders(tmp_path: Path, root: Path) -> tuple[Path, Path]:
    """Copies of the analysts' folders."""
    for name in ("channels", "mappings"):
        shutil.copytree(root / name, tmp_path / name)
    return tmp_path / "channels", tmp_path / "mappings"
