"""The garbage collector stands still while much is built, and only then."""

from __future__ import annotations

import gc
import subprocess
import sys
from pathlib import Path

import pytest

from engine.heap import building
from engine.mapping.installed import installed
from engine.mapping.library import load_folder


def test_it_stands_still_inside_and_goes_on_afterwards_whatever_happens() -> None:
    with pytest.raises(ZeroDivisionError), building():
        with building():
            assert not gc.isenabled()
        assert not gc.isenabled()
        print(1 // 0)
    assert gc.isenabled()


def test_a_folder_of_mappings_is_compiled_without_a_collection(root: Path) -> None:
    plugins, seen = installed(), []
    gc.callbacks.append(lambda phase, info: seen.append(phase))
    try:
        assert load_folder(root / "mappings", plugins).sound
        assert seen.count("start") <= 2  # one may come before, one after
    finally:
        gc.callbacks.pop()
    assert gc.isenabled()


REPLACED = """
import gc, weakref
from engine import heap

class Old:
    pass

old = Old()
old.itself, gone = old, weakref.ref(old)
heap.renew()
del old
seen = []
for _ in range(heap.DEPLOYMENTS - 1):
    seen.append(gone() is None)
    heap.renew()
print(any(seen), gone() is None, gc.get_freeze_count() > 1000)
"""


def test_what_deployments_replaced_is_dropped_after_some_of_them() -> None:
    done = subprocess.run([sys.executable, "-c", REPLACED], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.split() == ["False", "True", "True"]
