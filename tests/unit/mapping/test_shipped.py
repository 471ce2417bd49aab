"""The mappings that ship: sound, covered by their own tests, and the tools that read them."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.diagnostic import render
from engine.mapping.coverage import coverage
from engine.mapping.guide import guide, markdown
from engine.mapping.installed import installed
from engine.mapping.library import Library, choose, load_folder
from engine.mapping.testing import run_folder

MESSAGE = b"MSH|^~\\&|L|LAB|E|EHR|20260101||ORU^R01^ORU_R01|1|P|2.5.1\rPID|1||7||Doe^Jane\rOBR|1||F1|CBC\rOBX|1|NM|HB||13.2|g/dL||||||F\rZZZ|x"


@pytest.fixture(scope="module")
def library(root: Path) -> Library:
    folder = root / "mappings"
    if not folder.is_dir():
        pytest.skip("no mappings yet")
    return load_folder(folder, installed())


def test_the_shipped_mappings_have_no_findings(library: Library) -> None:
    assert not library.diagnostics, "\n\n".join(map(render, library.diagnostics))


def test_the_tests_beside_the_mappings_hold(root: Path, library: Library) -> None:
    failed = [render(why) for one in run_folder(root / "mappings", library, installed()) for why in one.failed]
    assert not failed, "\n\n".join(failed)


def test_a_message_s_type_chooses_its_mapping(library: Library) -> None:
    names = {type: made.name for type in ("ORU^R01", "ADT^A01", "ADT^A40^ADT_A39") if (made := choose(library, "hl7v2", type))}
    assert names == {"ORU^R01": "oru_r01", "ADT^A01": "adt_a01", "ADT^A40^ADT_A39": "adt_a40"}
    assert choose(library, "hl7v2", "QRY^Q01") is None
    assert choose(library, "csv", "ORU^R01") is None


def test_a_field_no_rule_reads_is_told(library: Library) -> None:
    found = coverage(library.mappings["oru_r01"], [MESSAGE, b"not a message"])
    assert (found.messages, found.unreadable) == (1, 1)
    assert "ZZZ-1" in {one.field for one in found.unread}
    assert not {"OBX-5", "OBX-3", "PID-3"} & {one.field for one in found.unread}


def test_a_mapping_prints_as_the_guide_s_table(library: Library) -> None:
    rows = guide(library.mappings["oru_r01"])
    status = [row for row in rows if row.target == "Observation.status" and row.vocabulary]
    assert [(row.source, row.type, row.vocabulary) for row in status][:1] == [
        ("OBX-11 | table(observation_status)", "code", "observation_status")
    ]
    assert "| each OBSERVATION" in markdown(rows)


def test_a_folder_that_is_known_is_compiled_again_only_when_a_file_has_changed(tmp_path: Path) -> None:
    folder, plugins = tmp_path / "mappings", installed()
    folder.mkdir()
    (folder / "one.yaml").write_text("mapping: one\nreads: hl7v2 ORU_R01\nwrites: fhir R4\nresources: []\n")
    first = load_folder(folder, plugins)
    assert load_folder(folder, plugins, first) is first
    (folder / "one.yaml").write_text("mapping: two\nreads: hl7v2 ORU_R01\nwrites: fhir R4\nresources: []\n")
    assert load_folder(folder, plugins, first) is not first
    (folder / "one.yaml").unlink()
    assert not load_folder(folder, plugins, first).files


MAPPING = "mapping: {name}\nreads: hl7v2 ORU_R01\nwrites: fhir R4\nresources:\n  Patient:\n    key: PID-3\n    gender: =PID-8 | table({table})\n"
TABLE = "table: {name}\nsystem: http://hl7.org/fhir/administrative-gender\nrows: {name}.csv\notherwise: refuse\n"


def test_only_what_a_changed_file_belongs_to_is_compiled_again_and_has_another_version(tmp_path: Path) -> None:
    folder, plugins = tmp_path / "mappings", installed()
    (folder / "tables").mkdir(parents=True)
    for name, table in (("one", "left"), ("two", "right")):
        (folder / f"{name}.yaml").write_text(MAPPING.format(name=name, table=table))
        (folder / "tables" / f"{table}.yaml").write_text(TABLE.format(name=table))
        (folder / "tables" / f"{table}.csv").write_text("from,code\nF,female\nM,male\n")
    first = load_folder(folder, plugins)
    assert not first.diagnostics
    (folder / "tables" / "right.csv").write_text("from,code\nF,female\n")
    second = load_folder(folder, plugins, first)
    assert second.mappings["one"] is first.mappings["one"]
    assert second.mappings["two"].digest != first.mappings["two"].digest
    (folder / "one.yaml").write_text(MAPPING.format(name="one", table="lefd"))
    third = load_folder(folder, plugins, second)
    assert [found.code for found in third.diagnostics if found.severity == "error"] == ["E306"]
    assert set(third.mappings) == {"two"}
    assert third.mappings["two"] is second.mappings["two"]
