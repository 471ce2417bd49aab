"""`isthmus list` and `isthmus doctor`: what there is, and whether it may run here."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.acceptance.cli.verbs import isthmus
from tests.acceptance.running import Engine


@pytest.mark.parametrize(
    "what", ["channels", "mappings", "tables", "rules", "formats", "sources", "steps", "destinations", "stores", "faults"]
)
def test_list_names_everything_there_is(what: str) -> None:
    rows = json.loads(isthmus("list", what, "--json").stdout)
    assert rows
    told = isthmus("list", what).output
    assert rows[0]["name"] in told


@pytest.mark.parametrize("what", ["sources", "steps", "destinations", "stores"])
def test_list_tells_every_plug_ins_options_with_their_meaning(what: str) -> None:
    for plugin in json.loads(isthmus("list", what, "--json").stdout):
        assert plugin["title"]
        assert [one["option"] for one in plugin["options"] if not one["meaning"]] == [], plugin["name"]


def test_list_tells_one_plug_ins_options() -> None:
    told = isthmus("list", "sources", "mllp").stdout
    assert "max frame" in told
    assert "when stored | when processed" in told
    default = {
        row["option"]: row["default"] for row in json.loads(isthmus("list", "sources", "mllp", "--json").stdout)[0]["options"]
    }
    wanted = {
        "listen": "(must be given)",
        "allow": "",
        "processing": "P",
        "tls": "",
        "idle timeout": "0",
        "max connections": "512",
    }
    assert {name: default[name] for name in wanted} == wanted  # as they would be written in a channel


def test_doctor_looks_and_changes_nothing(tmp_path: Path) -> None:
    done = isthmus("doctor", "--data", str(tmp_path / "none"), "--json")
    checks = {row["check"]: row for row in json.loads(done.stdout)}
    assert checks["Python"]["fine"]
    assert checks["channels and mappings"]["fine"]
    assert done.exit_code == (0 if all(row["fine"] for row in checks.values()) else 1)
    assert not (tmp_path / "none").exists()


def test_doctor_says_which_address_is_taken(engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ISTHMUS_MLLP", f"127.0.0.1:{engine.port('hospital')}")
    done = isthmus("doctor", "--data", str(tmp_path), "--json")
    assert done.exit_code == 1
    assert not next(row for row in json.loads(done.stdout) if row["check"] == "MLLP address")["fine"]
