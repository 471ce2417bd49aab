"""Real messages through the shipped mappings: nothing raises, and every way of running one gives the same."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.fault import Fault
from engine.mapping.installed import installed
from engine.mapping.library import choose, load_folder
from engine.mapping.mapping import _run
from engine.mapping.run import Run


def test_fast_traced_and_narrowed_give_the_same_for_real_messages(root: Path, shared_data: Path) -> None:
    plugins = installed()
    library = load_folder(root / "mappings", plugins)
    format = plugins.formats["hl7v2"]
    mapped = 0
    for path in sorted((shared_data / "hl7v2").rglob("*")):
        body = path.read_bytes() if path.is_file() else b""
        envelope = format.envelope(body)
        scope = format.parse(body)
        if isinstance(envelope, Fault) or isinstance(scope, Fault):
            continue
        mapping = choose(library, "hl7v2", envelope.type)
        if mapping is None:
            continue
        whole = _run(mapping.rules(), scope, Run(), mapping.plan.model)
        assert _run(mapping.traced, scope, Run(), mapping.plan.model) == whole
        for _ in range(3):
            assert mapping.run(scope) == whole
        mapped += isinstance(whole, list)
    if not mapped:
        pytest.fail("no message was mapped")
