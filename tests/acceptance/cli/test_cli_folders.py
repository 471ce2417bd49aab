"""`isthmus lint`, `test`, `coverage` and `create`: what analysts do with their folders."""

from __future__ import annotations

import json
import re
import shutil
import socket
from pathlib import Path

import pytest

from tests.acceptance.cli.verbs import MESSAGES, REPORT, isthmus, linted


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


def test_what_is_created_is_clean_to_lint(folders: tuple[Path, Path]) -> None:
    channels, mappings = folders
    for kind, into in (("channel", channels), ("mapping", mappings), ("table", mappings / "tables")):
        done = isthmus("create", kind, "mine", "--into", str(into), "--json")
        assert done.exit_code == 0
        assert Path(json.loads(done.stdout)["created"]).is_file()
        assert isthmus("create", kind, "mine", "--into", str(into)).exit_code == 2
    assert linted(channels, mappings) == {"refused": False, "findings": []}


def test_a_created_channel_listens_where_nobody_does(folders: tuple[Path, Path]) -> None:
    channels, _ = folders
    (channels / "other.yaml").write_text('channel: other\nsource: { mllp: { listen: "tcp:${HOST:-127.0.0.1}:2576" } }\n')
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind(("127.0.0.1", 2577))
        taken.listen()
        assert isthmus("create", "channel", "mine", "--into", str(channels)).exit_code == 0
    told = re.search(r"127\.0\.0\.1:(\d+)", (channels / "mine.yaml").read_text())
    assert told is not None and int(told[1]) > 2577


def test_what_is_created_elsewhere_lies_in_the_working_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "channels").mkdir()
    monkeypatch.chdir(tmp_path)
    assert isthmus("create", "channel", "mine").exit_code == 0
    assert (tmp_path / "channels" / "mine.yaml").is_file()
