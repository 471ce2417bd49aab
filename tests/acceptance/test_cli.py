"""The command line as its users meet it: every verb, its help, its JSON, its exit codes, its mistakes."""

from __future__ import annotations

import functools
import io
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result

from adapters.hl7v2.traffic import hospital
from engine import deployment
from engine.cli import main
from engine.mapping import library
from tests.acceptance.running import Engine
from tests.acceptance.test_engine import processed, talk

MESSAGES = list(hospital(3, 1))
REPORT = MESSAGES[4]
PANEL = "mappings/samples/cmp_panel.hl7"


@pytest.fixture(scope="module", autouse=True)
def _in_the_checkout(root: Path) -> Iterator[None]:
    """The shipped folder of mappings is compiled once for all tests; copies of it are compiled each time."""
    with pytest.MonkeyPatch.context() as patch:
        load, shipped = library.load_folder, root / "mappings"
        once = functools.cache(lambda: load(shipped, library_plugins()))
        fresh = lambda folder, plugins, known=None: once() if folder == shipped else load(folder, plugins, known)  # noqa: E731
        patch.setattr(library, "load_folder", fresh)
        patch.setattr(deployment, "load_folder", fresh)
        patch.chdir(root)
        yield


def library_plugins() -> library.Plugins:
    from engine.mapping.installed import installed

    return installed()


def isthmus(*words: str, stdin: bytes | None = None) -> Result:
    """A verb in this process; what it raised is raised here, so that no traceback passes for an exit code."""
    done = CliRunner().invoke(main, list(words), input=stdin, env={"DATABASE_URL": None})
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done


def process(*words: str, cwd: Path, stdin: bytes = b"", **environment: str) -> subprocess.CompletedProcess[bytes]:
    """A verb in a process of its own."""
    env = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2]), **environment}
    return subprocess.run(
        [sys.executable, "-m", "engine", *words], cwd=cwd, capture_output=True, input=stdin, check=False, env=env
    )


# --- help and mistakes ---------------------------------------------------------------------------------------------------------


def commands() -> list[tuple[str, ...]]:
    """Every verb, and every verb of a verb."""
    found: list[tuple[str, ...]] = []
    context = click.Context(main)
    for verb in main.list_commands(context):
        command = main.get_command(context, verb)
        found += [(verb, each) for each in command.commands] if isinstance(command, click.Group) else [(verb,)]
    return found


def test_the_help_opens_with_examples_and_names_every_verb() -> None:
    told = isthmus("--help").output
    assert told.index("Examples:") < told.index("Commands:")
    assert all(f"\n  {verb[0]} " in told for verb in commands())


@pytest.mark.parametrize("verb", commands(), ids=" ".join)
def test_a_verbs_examples_name_real_options(verb: tuple[str, ...]) -> None:
    told = isthmus(*verb, "--help")
    assert told.exit_code == 0
    shown, _, options = told.output.partition("Options:")
    examples = [line.strip() for line in shown.partition("Example")[2].splitlines() if "isthmus " in line]
    assert examples
    for example in examples:
        for word in example.partition(f"isthmus {' '.join(verb)}")[2].split():
            assert not word.startswith("--") or word in options, example


@pytest.mark.parametrize("verb", commands(), ids=" ".join)
def test_every_verb_that_prints_offers_json(verb: tuple[str, ...]) -> None:
    assert "--json" in isthmus(*verb, "--help").output


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("mpa",), "Did you mean 'map'?"),
        (("lint", "--chanels", "x"), "--channels"),
        (("map", "oru_r10", PANEL), "Did you mean 'oru_r01'?"),
        (("map", "nothing.hl7"), "neither a file nor a mapping"),
        (("map", "oru_r01", "nothing.hl7"), "there is no file nothing.hl7"),
        (("check", "--channel", "hospitl", PANEL), "Did you mean 'hospital'?"),
        (("test", "oru_r10"), "Did you mean 'oru_r01'?"),
        (("list", "sources", "mlpp"), "Did you mean 'mllp'?"),
        (("create", "channel", "Lab Results"), "a name is"),
        (("find", "--since", "yesterday"), "neither a span"),
        (("find", "--since", "999999999d"), "neither a span"),
        (("show", "17"), "no message id"),
        (("replay",), "name messages"),
        (("replay", "17"), "a message id is a UUID"),
        (("run", "--http", "nowhere"), "host:port"),
        (("run", "--http", "127.0.0.1:²"), "host:port"),
        (("send", "--to", "nowhere:x", PANEL), "--to"),
        (("send", "nothing.hl7"), "there is no file"),
        (("lint", "--mappings", "/nowhere"), "does not exist"),
    ],
)
def test_a_mistake_is_exit_2_and_says_what_was_meant(words: tuple[str, ...], told: str) -> None:
    done = isthmus(*words)
    assert done.exit_code == 2
    assert told in done.output


# --- map -----------------------------------------------------------------------------------------------------------------------


def test_map_prints_a_bundle_with_the_digits_of_the_message() -> None:
    done = isthmus("map", PANEL)
    assert done.exit_code == 0
    bundle = json.loads(done.stdout, parse_float=str)
    lines = Path(PANEL).read_text().replace("\n", "\r").split("\r")
    sent = {part for line in lines if line.startswith("OBX|") for part in line.split("|")[5].lstrip("<>=").split("^")}
    made = {str(entry["resource"]["valueQuantity"]["value"]) for entry in bundle["entry"] if "valueQuantity" in entry["resource"]}
    assert made
    assert made <= sent


def test_map_takes_standard_input_and_a_named_mapping_and_gives_the_same() -> None:
    plain = isthmus("map", PANEL).stdout
    assert isthmus("map", stdin=Path(PANEL).read_bytes()).stdout == plain
    assert isthmus("map", "oru_r01", "-", stdin=Path(PANEL).read_bytes()).stdout == plain
    assert isthmus("map", "oru_r01", PANEL).stdout == plain


def test_map_writes_one_file_a_message_and_never_one_over_another(tmp_path: Path) -> None:
    for folder, message in (("a", REPORT), ("b", MESSAGES[5])):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "x.hl7").write_bytes(message)
    (tmp_path / "batch.hl7").write_bytes(b"\r".join((REPORT.rstrip(b"\r"), MESSAGES[5])))
    files = [str(tmp_path / name) for name in ("a/x.hl7", "b/x.hl7", "batch.hl7")]
    assert isthmus("map", *files, "--out", str(tmp_path / "out")).exit_code == 0
    made = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert made == ["batch-1.json", "batch-2.json", "x-2.json", "x.json"]
    assert (tmp_path / "out/x.json").read_bytes() == (tmp_path / "out/batch-1.json").read_bytes()
    assert json.loads((tmp_path / "out/x-2.json").read_bytes())["resourceType"] == "Bundle"


def test_map_takes_a_folder_and_gives_one_json_document(tmp_path: Path) -> None:
    (tmp_path / "1.hl7").write_bytes(REPORT)
    (tmp_path / "2.hl7").write_bytes(b"MSH|^~\\&|A|B|C|D|20240101||ZZZ^Z99|1|P|2.5\r")
    done = isthmus("map", "--json", str(tmp_path))
    assert done.exit_code == 1
    first, second = json.loads(done.stdout)
    assert (first["message"], first["becomes"]["resourceType"], first["faults"]) == ("1.hl7", "Bundle", [])
    assert (second["message"], second["becomes"], second["faults"][0]["code"]) == ("2.hl7", None, "E916")


def test_map_goes_the_other_way_by_the_format_the_mapping_reads(tmp_path: Path) -> None:
    (tmp_path / "report.json").write_text(isthmus("map", PANEL).stdout)
    done = isthmus("map", "fhir_to_oru_r01", str(tmp_path / "report.json"))
    assert done.exit_code == 0, done.output
    lines = done.stdout.split("\r")
    assert lines[0].startswith("MSH|")
    assert "7.10" in {line.split("|")[5] for line in lines if line.startswith("OBX|")}


def test_map_tells_a_fhir_resource_a_json_document_and_a_message_apart(tmp_path: Path) -> None:
    for number, body in enumerate((b'{"resourceType":"Patient"}', b'{"a": 1}', REPORT)):
        (tmp_path / str(number)).write_bytes(body)
    done = json.loads(isthmus("check", "--json", str(tmp_path)).stdout)
    assert [row["becomes"].partition(":")[0] for row in done][:2] == ["filtered", "nothing"]  # a device mapping reads JSON
    assert "Observation" in done[2]["becomes"]


def test_map_traces_values_to_their_bytes() -> None:
    rows = json.loads(isthmus("map", "--trace", PANEL).stdout)
    body = Path(PANEL).read_bytes()
    value = next(row for row in rows if row["target"].endswith("valueQuantity.value"))
    start, end = value["bytes"]
    assert Decimal(body[start:end].decode()) == Decimal(str(value["value"]))


@pytest.mark.parametrize(
    "hostile",
    [b"", b"\x00" * 1000, b"MSH", b"MSH|^~\\&|" + b"\xff" * 5000, b"\x1b[2J\x1b]0;pwned\x07", b"{" * 100_000, os.urandom(4096)],
    ids=["empty", "NULs", "a stump", "no UTF-8", "a terminal's escapes", "depth", "noise"],
)
def test_map_of_a_hostile_file_is_one_fault_and_drives_no_terminal(hostile: bytes, tmp_path: Path) -> None:
    (tmp_path / "hostile.hl7").write_bytes(hostile)
    done = isthmus("map", str(tmp_path / "hostile.hl7"))
    assert done.exit_code == 1
    assert "error[E" in done.stderr
    assert "\x1b[2J" not in done.output
    assert "\x07" not in done.output
    assert "Traceback" not in done.output


# --- check, lint, test, coverage -----------------------------------------------------------------------------------------------


def test_check_says_what_would_become_of_messages_and_sends_nothing(tmp_path: Path) -> None:
    for number, message in enumerate((REPORT, MESSAGES[-1])):
        (tmp_path / f"{number}.hl7").write_bytes(message)
    done = isthmus("check", "--json", str(tmp_path))
    assert done.exit_code == 1
    good, bad = json.loads(done.stdout)
    assert "Observation" in good["becomes"]
    assert good["faults"] == []
    assert bad["becomes"] == "held"
    assert bad["faults"][0]["code"].startswith("E4")


def test_check_strict_names_segment_and_field_by_the_standards_tables(tmp_path: Path) -> None:
    (tmp_path / "x.hl7").write_bytes(MESSAGES[0].replace(b"PID|1||", b"PID|x||"))
    done = isthmus("check", "--strict", str(tmp_path / "x.hl7"))
    assert done.exit_code == 1
    assert "PID" in done.stderr
    assert isthmus("check", str(tmp_path / "x.hl7")).exit_code == 0


@pytest.fixture
def folders(tmp_path: Path, root: Path) -> tuple[Path, Path]:
    """Copies of the analysts' folders."""
    for name in ("channels", "mappings"):
        shutil.copytree(root / name, tmp_path / name)
    return tmp_path / "channels", tmp_path / "mappings"


def linted(channels: Path, mappings: Path) -> dict[str, Any]:
    done = isthmus("lint", "--json", "--channels", str(channels), "--mappings", str(mappings))
    report: dict[str, Any] = json.loads(done.stdout)
    assert done.exit_code == (1 if report["refused"] else 0)
    return report


def test_lint_of_the_shipped_folders_is_clean() -> None:
    done = isthmus("lint")
    assert (done.exit_code, done.stderr) == (0, "")
    assert "no findings" in done.stdout


def test_lint_names_file_line_and_remedy_of_what_was_broken(folders: tuple[Path, Path]) -> None:
    channels, mappings = folders
    text = (mappings / "oru_r01.yaml").read_text()
    (mappings / "oru_r01.yaml").write_text(text.replace("reads: hl7v2 ORU_R01", "reads: hl7v2 ORU_R10", 1))
    (channels / "hospital.yaml").write_bytes(b"\xff\xfe\x00 not yaml")
    (channels / "b.yaml").write_text("channel: b\nsource: { mllp: { lsten: x } }\nsteps: [ { map: oru_r02 } ]\n")
    (channels / "c.yaml").write_text("channel: c\nsteps: [ { map: oru_r02 } ]\n")
    found = linted(channels, mappings)["findings"]
    at = {Path(row["file"]).name: row for row in found}
    assert {"oru_r01.yaml", "hospital.yaml", "b.yaml"} <= set(at)
    assert {"E221", "E230"} <= {row["code"] for row in found}
    told = isthmus("lint", "--channels", str(channels), "--mappings", str(mappings)).stderr
    assert "did you mean listen?" in told
    assert "--> channels/b.yaml:2:" in told


def test_lint_refuses_a_channel_or_rule_that_is_given_twice_or_is_none(folders: tuple[Path, Path]) -> None:
    channels, mappings = folders
    shutil.copy(channels / "hospital.yaml", channels / "again.yaml")
    (channels / "none.yaml").write_text("title: no name\n")
    (channels / "strange.yaml").write_text("channel: strange\nstep: []\n")
    (channels / "alerts").mkdir(exist_ok=True)
    (channels / "alerts" / "x.yaml").write_text(
        "alert: x\nif: code has http://loinc.org#2823-3 and value > 6.2\nseverity: high\nnotify: nobody\n"
    )
    (channels / "alerts" / "y.yaml").write_text("if: value > 1\n")
    codes = {row["code"] for row in linted(channels, mappings)["findings"]}
    assert {"E225", "E226", "E227", "E750", "E754"} <= codes


def test_lint_names_a_destination_whose_answers_are_noted_though_it_is_not_there(folders: tuple[Path, Path]) -> None:
    channels, mappings = folders
    text = "channel: heard\naccept if: MSH-9.1 = ACK\ndestinations: {{ noted: {{ answers: {{ of: {} }} }} }}\n"
    (channels / "heard.yaml").write_text(text.format("hospitl.ecg"))
    [found] = linted(channels, mappings)["findings"]
    assert (found["code"], found["line"], found["help"]) == ("E767", 3, "did you mean hospital.ecg?")
    (channels / "heard.yaml").write_text(text.format("hospital.ecg"))
    assert linted(channels, mappings)["findings"] == []


@pytest.mark.parametrize(("map", "code"), [("", "E768"), ("map: fhir_to_oru_r01, ", "E768"), ("map: alert_to_oru_r01, ", "")])
def test_lint_names_who_cannot_be_told_of_alerts(folders: tuple[Path, Path], map: str, code: str) -> None:
    channels, mappings = folders
    ward = f'  ward: {{ {map}mllp: {{ connect: "tcp:ward.example.org:2575" }} }}\n'
    (channels / "alerts.yaml").write_text(f"channel: alerts\ndestinations:\n{ward}")
    assert [row["code"] for row in linted(channels, mappings)["findings"]] == ([code] if code else [])


def test_lint_of_a_file_that_is_a_broken_link_or_a_folder_goes_on(folders: tuple[Path, Path]) -> None:
    channels, mappings = folders
    (channels / "link.yaml").symlink_to("nowhere")
    (mappings / "folder.yaml").mkdir()
    assert not linted(channels, mappings)["refused"]


def test_test_runs_those_beside_the_mappings_and_shows_what_fails(folders: tuple[Path, Path]) -> None:
    assert isthmus("test", "oru_r01").exit_code == 0
    _, mappings = folders
    tests = mappings / "oru_r01.test.yaml"
    tests.write_text(tests.read_text().replace("valueQuantity.value: 7.10", "valueQuantity.value: 7.1"))
    (mappings / "bad.test.yaml").write_text("mapping: nothing\ntests: []\n")
    done = isthmus("test", "--folder", str(mappings), "--json")
    assert done.exit_code == 1
    report = json.loads(done.stdout)
    failed = [code["code"] for one in report["tests"] if not one["passed"] for code in one["failed"]]
    assert report["failed"] >= 2
    assert {"E350", "E351"} <= set(failed)


def test_coverage_compares_pairs_and_refuses_a_folder_without_any(tmp_path: Path) -> None:
    assert isthmus("coverage", str(tmp_path)).exit_code == 2
    (tmp_path / "x.hl7").write_bytes(REPORT)
    (tmp_path / "x.json").write_text(isthmus("map", "-", stdin=REPORT).stdout)
    done = isthmus("coverage", str(tmp_path), "--json")
    assert done.exit_code == 0
    (tmp_path / "x.json").write_text(isthmus("map", "-", stdin=MESSAGES[5]).stdout)
    assert isthmus("coverage", str(tmp_path), "--json").exit_code == 1
    assert json.loads(done.stdout)
    told = isthmus("coverage", str(tmp_path))
    assert told.exit_code == 1
    assert re.match(
        r"\d+ of \d+ comparable facts agree \(\d+\.\d%\) in 1 messages\.\n\n\| facts \| class \| why \|\n", told.stdout
    )


# --- create, list, doctor ------------------------------------------------------------------------------------------------------


def test_what_is_created_is_clean_to_lint(folders: tuple[Path, Path]) -> None:
    channels, mappings = folders
    for kind, into in (("channel", channels), ("mapping", mappings), ("table", mappings / "tables")):
        done = isthmus("create", kind, "mine", "--into", str(into), "--json")
        assert done.exit_code == 0
        assert Path(json.loads(done.stdout)["created"]).is_file()
        assert isthmus("create", kind, "mine", "--into", str(into)).exit_code == 2
    assert linted(channels, mappings) == {"refused": False, "findings": []}


def test_what_is_created_elsewhere_lies_in_the_working_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "channels").mkdir()
    monkeypatch.chdir(tmp_path)
    assert isthmus("create", "channel", "mine").exit_code == 0
    assert (tmp_path / "channels" / "mine.yaml").is_file()


@pytest.mark.parametrize(
    "what", ["channels", "mappings", "tables", "formats", "sources", "steps", "destinations", "stores", "faults"]
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


# --- with an engine, and without ------------------------------------------------------------------------------------------------


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


# --- ends -------------------------------------------------------------------------------------------------------------------------


def test_a_reader_that_goes_away_ends_it_quietly(tmp_path: Path, root: Path) -> None:
    for number in range(40):
        (tmp_path / f"{number}.hl7").write_bytes(REPORT)
    env = {**os.environ, "PYTHONPATH": str(root)}
    running = subprocess.Popen(
        [sys.executable, "-m", "engine", "map", str(tmp_path)], cwd=root, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=env
    )
    assert running.stdout is not None
    assert running.stderr is not None
    assert running.stdout.read(10)
    running.stdout.close()
    assert running.stderr.read() == b""
    running.stderr.close()
    running.wait(60)


def test_an_interrupt_ends_it_without_a_traceback(root: Path) -> None:
    env = {**os.environ, "PYTHONPATH": str(root)}
    running = subprocess.Popen(
        [sys.executable, "-m", "engine", "map"],
        cwd=root,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=env,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # a shell's background job begins with it ignored
    )
    wchan = Path(f"/proc/{running.pid}/syscall")
    until = time.monotonic() + 60
    while time.monotonic() < until and not wchan.read_text().startswith("0 0x0 "):  # read(0, …): it waits for standard input
        time.sleep(0.05)
    running.send_signal(signal.SIGINT)
    _, told = running.communicate(timeout=60)
    assert (running.returncode, told) == (130, b"stopped\n")


def test_a_defect_is_told_by_its_type_and_place_and_never_by_its_words(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any) -> Any:
        raise ValueError("Canary-Smith")

    monkeypatch.setattr(deployment, "_deploy", broken)
    done = isthmus("lint")
    assert done.exit_code == 3
    assert "E920" in done.stderr
    assert "ValueError" in done.stderr
    assert "test_cli.py" in done.stderr
    assert "Canary" not in done.output


def test_a_place_that_cannot_be_written_is_exit_2_with_its_name(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    done = isthmus("map", PANEL, "--out", str(tmp_path / "file" / "below"))
    assert done.exit_code == 2
    assert "E918" in done.stderr
    assert "Not a directory" in done.stderr


def test_folders_and_files_without_permission_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def closed(self: Path, *_: Any, **__: Any) -> Any:  # tests may run as root, whom no permission stops
        raise PermissionError(13, "Permission denied", str(self))

    with monkeypatch.context() as patch:
        patch.setattr(Path, "open", closed)
        done = isthmus("map", PANEL)
    assert (done.exit_code, "Permission denied" in done.stderr) == (2, True)
    with monkeypatch.context() as patch:
        patch.setattr(Path, "read_bytes", closed)
        refused = isthmus("lint", "--json")
    assert refused.exit_code == 1
    assert json.loads(refused.stdout)["findings"][0]["code"] == "E228"


def test_a_terminal_that_cannot_show_a_character_is_no_reason_to_fail(root: Path, tmp_path: Path) -> None:
    done = process("list", "faults", "E301", cwd=root, PYTHONIOENCODING="ascii", LC_ALL="C", PYTHONUTF8="0")
    assert done.returncode == 0
    assert b"E301" in done.stdout


def test_a_file_larger_than_is_read_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from engine.cli import messages

    monkeypatch.setattr(messages, "LARGEST", 1024)
    assert isthmus("map", stdin=b"x" * 1025).exit_code == 2
    (tmp_path / "x").write_bytes(b"x" * 1025)
    assert isthmus("map", str(tmp_path / "x")).exit_code == 2


def test_progress_is_shown_to_people_only() -> None:
    from engine.cli.progress import counted

    with pytest.MonkeyPatch.context() as patch:
        told = io.StringIO()
        patch.setattr(sys, "stderr", told)
        assert list(counted([1, 2, 3], "numbers")) == [1, 2, 3]
        assert told.getvalue() == ""
