"""Verbs that need an engine or its database: with one, and without."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from engine.cli import main
from tests.acceptance.cli.verbs import MESSAGES, REPORT, isthmus, process
from tests.acceptance.running import Engine
from tests.acceptance.test_engine import processed, talk


@pytest.mark.parametrize(
    "verb", [("find",), ("show", "019c8e5e-7a31-7cc0-9d2e-3b5f9a1c0d4e"), ("replay", "--state", "held"), ("deploy",)]
)
def test_without_an_engine_a_verb_that_needs_one_is_exit_3(verb: tuple[str, ...], tmp_path: Path) -> None:
    done = isthmus(*verb, "--data", str(tmp_path))
    assert done.exit_code == 3
    assert "E914" in done.stderr
    told = json.loads(isthmus(*verb, "--data", str(tmp_path), "--json").stdout)
    assert told["fault"]["code"] == "E914"


def test_a_database_that_is_away_or_too_old_is_exit_3(empty_database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for dsn, code in (("postgresql://nobody@127.0.0.1:1/none?connect_timeout=2", "E912"), (empty_database, "E919")):
        done = CliRunner().invoke(main, ["find", "--json"], env={"DATABASE_URL": dsn})
        assert done.exit_code == 3
        assert json.loads(done.stdout)["fault"]["code"] == code


def test_migrate_brings_a_database_to_this_version_and_then_has_nothing_to_do(empty_database: str) -> None:
    env = {"DATABASE_URL": empty_database}
    assert json.loads(CliRunner().invoke(main, ["migrate", "--json"], env=env).stdout)["applied"]
    assert json.loads(CliRunner().invoke(main, ["migrate", "--json"], env=env).stdout) == {"applied": []}
    assert CliRunner().invoke(main, ["find"], env=env).exit_code == 1  # nothing found


def test_send_to_an_engine_then_find_show_and_replay(engine: Engine, tmp_path: Path) -> None:
    (tmp_path / "1.hl7").write_bytes(REPORT.replace(b"|DEMO", b"|CLI"))
    (tmp_path / "2.hl7").write_bytes(MESSAGES[5].replace(b"|DEMO", b"|CLI"))
    to = f"127.0.0.1:{engine.port('hospital')}"
    done = isthmus("send", str(tmp_path), "--to", to, "--json")
    assert done.exit_code == 0
    sent = json.loads(done.stdout)
    assert [row["answer"] for row in sent] == ["AA", "AA"]
    row = processed(engine, sent[0]["control_id"])
    data = ["--data", str(engine.data)]
    found = isthmus("find", sent[0]["control_id"], "--json", *data)
    assert (found.exit_code, json.loads(found.stdout)[0]["id"]) == (0, str(row.id))
    shown = json.loads(isthmus("show", str(row.id), "--json", *data).stdout)
    assert shown["body"] == (tmp_path / "1.hl7").read_bytes().decode()
    assert isthmus("show", str(row.id), *data).exit_code == 0
    assert isthmus("replay", str(row.id), "--dry-run", *data).stdout.strip() == str(row.id)
    assert isthmus("find", "no-such-control-id", *data).exit_code == 1


def test_show_of_a_held_message_tells_its_fault_in_json_and_in_words(engine: Engine) -> None:
    bad = MESSAGES[-1].replace(b"|DEMO", b"|CLIBAD")
    assert talk(engine.port("hospital"), bad) == ["AA"]
    row = processed(engine, bad.split(b"|")[9].decode(), "held")
    data = ["--data", str(engine.data)]
    [fault, *_] = json.loads(isthmus("show", str(row.id), "--json", *data).stdout)["events"][-1]["faults"]
    assert fault["code"].startswith("E4")
    assert fault["kind"] == "incorrect"
    assert f"error[{fault['code']}]" in isthmus("show", str(row.id), *data).stderr
    unknown = isthmus("show", "019c8e5e-7a31-7cc0-9d2e-3b5f9a1c0d4e", *data)
    assert unknown.exit_code == 1
    assert "E631" in unknown.stderr


def test_send_to_nobody_is_exit_3_and_a_refusal_exit_1(engine: Engine, tmp_path: Path) -> None:
    (tmp_path / "x.hl7").write_bytes(REPORT)
    done = isthmus("send", str(tmp_path / "x.hl7"), "--to", "127.0.0.1:1")
    assert done.exit_code == 3
    assert "E109" in done.output
    test_message = REPORT.replace(b"|P|2.5", b"|T|2.5")
    assert test_message != REPORT
    refused = isthmus("send", "--to", f"127.0.0.1:{engine.port('hospital')}", stdin=test_message)
    assert refused.exit_code == 1


def test_deploy_tells_and_doctor_sees_a_running_engine(engine: Engine) -> None:
    done = isthmus("deploy", "--data", str(engine.data), "--json")
    assert (done.exit_code, json.loads(done.stdout)["deployed"]) == (0, True)
    checks = {row["check"]: row for row in json.loads(isthmus("doctor", "--data", str(engine.data), "--json").stdout)}
    assert "runs as process" in checks["engine"]["detail"]
    assert checks["database"]["fine"]
    again = process("run", "--data", str(engine.data), cwd=engine.data.parent)
    assert again.returncode == 1
    assert b"E911" in again.stderr


def test_an_engine_whose_channels_are_wrong_says_which_line_and_does_not_start(tmp_path: Path, empty_database: str) -> None:
    (tmp_path / "channels").mkdir()
    (tmp_path / "channels" / "lab.yaml").write_text("channel: lab\nsteps: [ { map: oru_r02 } ]\n")
    words = (
        "--data",
        str(tmp_path / "data"),
        "--channels",
        str(tmp_path / "channels"),
        "--http",
        "127.0.0.1:0",
        "--i-accept-data-loss",
    )
    done = process("run", *words, cwd=tmp_path, DATABASE_URL=empty_database)
    assert done.returncode == 1
    assert b"error[E230] at channels/lab.yaml:2:17: there is no mapping called oru_r02" in done.stderr
