"""`isthmus map` and `isthmus check`: files, folders, formats and hostile bytes in, documents and faults out."""

from __future__ import annotations

import json
import os
import re
from decimal import Decimal
from pathlib import Path

import pytest

from tests.acceptance.cli.verbs import MESSAGES, PANEL, REPORT, isthmus


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
    [traced] = json.loads(isthmus("map", "--trace", "--json", PANEL).stdout)
    rows = traced["becomes"]
    body = Path(PANEL).read_bytes()
    value = next(row for row in rows if row["target"].endswith("valueQuantity.value"))
    start, end = value["bytes"]
    assert Decimal(body[start:end].decode()) == Decimal(str(value["value"]))
    table = isthmus("map", "--trace", PANEL).stdout
    assert re.search(r"Observation\[\d+\]\.valueQuantity\.value +\S+ +OBX\[\d+\]-5 +\d+-\d+ +mappings/results\.yaml:\d+", table)
    assert "StructureDefinition" not in table  # fixed texts are read from nowhere


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
