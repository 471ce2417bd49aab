"""A rehearsal compiles what the first message will want, has no effect, and lets everything else wait."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from engine.deployment import Deployment, deploy, dry_site
from engine.rehearse import rehearse
from engine.settings import Settings

CHANNEL = """
channel: ward
source: {{ mllp: {{ listen: "tcp:127.0.0.1:0" }} }}
steps:
{steps}
destinations: {{ record: {{ fhir_store: {{}} }} }}
"""


@pytest.fixture
def mappings(root: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(root / "mappings", tmp_path / "mappings"))


def deployed(tmp_path: Path, mappings: Path, *steps: str) -> Deployment:
    folder = tmp_path / "channels"
    folder.mkdir()
    (folder / "ward.yaml").write_text(CHANNEL.format(steps="\n".join(f"  - {step}" for step in steps)))
    settings = Settings(tmp_path / "data", channels=folder, mappings=mappings)
    found = deploy(settings, dry_site(settings))
    assert not found.findings
    return found


def compiled(found: Deployment) -> list[str]:
    """The mappings whose rules are compiled."""
    rules: dict[str, Any] = {name: mapping.rules for name, mapping in found.library.mappings.items()}
    return [name for name, made in rules.items() if made.cache_info().currsize]


def test_the_first_mapping_of_a_channel_is_compiled_and_those_behind_it_wait(tmp_path: Path, mappings: Path) -> None:
    found = deployed(tmp_path, mappings, "map: [oru_r01, adt_a01]", "validate: fhir R4", "alert: all")
    assert compiled(found) == []
    assert rehearse(found, mappings) == ["oru_r01"]
    assert compiled(found) == ["oru_r01"]


NO_SAMPLES = (
    None, "mapping: oru_r01\n", "mapping: [\n", "mapping: oru_r01\nsample: samples/none.hl7\n",
    'mapping: oru_r01\nsample: "a\\0b"\n', "mapping: oru_r01\nsample: samples/large.hl7\n",
)  # fmt: skip


@pytest.mark.parametrize("sample", NO_SAMPLES)
def test_a_mapping_without_a_sample_is_not_rehearsed(sample: str | None, tmp_path: Path, mappings: Path) -> None:
    (mappings / "oru_r01.test.yaml").unlink()
    (mappings / "samples" / "large.hl7").write_bytes((mappings / "samples" / "cmp_panel.hl7").read_bytes() + b"\r" * (1 << 20))
    if sample is not None:
        (mappings / "oru_r01.test.yaml").write_text(sample)
    assert rehearse(deployed(tmp_path, mappings, "map: oru_r01"), mappings) == []


def test_a_sample_outside_the_folder_of_mappings_is_not_read(tmp_path: Path, mappings: Path) -> None:
    shutil.copy(mappings / "samples" / "cmp_panel.hl7", tmp_path / "outside.hl7")
    (mappings / "oru_r01.test.yaml").write_text("mapping: oru_r01\nsample: ../outside.hl7\n")
    assert rehearse(deployed(tmp_path, mappings, "map: oru_r01"), mappings) == []


def test_a_sample_that_is_no_message_stops_nothing(tmp_path: Path, mappings: Path) -> None:
    (mappings / "samples" / "cmp_panel.hl7").write_bytes(b"\x00\xff nothing of the kind")
    found = deployed(tmp_path, mappings, "map: oru_r01")
    rehearse(found, mappings)
    assert compiled(found) == []


def test_a_channel_whose_steps_do_more_than_compute_is_left_alone(tmp_path: Path, mappings: Path) -> None:
    found = deployed(tmp_path, mappings, "map: oru_r01", "classify")
    assert rehearse(found, mappings) == []
