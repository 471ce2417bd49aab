"""What a deployment is and does: sources follow it, its digest says what it is, a set with an error is refused whole."""

from __future__ import annotations

import asyncio
import shutil
import time
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from engine.deployment import Deployment, deploy, dry_site
from engine.fault import Fault, Kind
from engine.settings import Settings
from engine.sources import Sources

TAKEN = Fault(Kind.UNAVAILABLE, "E106", "the address is taken")


@dataclass
class Listening:
    address: str
    drained: float | None = None

    async def drain(self, seconds: float) -> None:
        self.drained = seconds
        if self.address == "stuck":
            await asyncio.sleep(0.2)


@dataclass
class Source:
    """Equal sources are the same configuration."""

    at: str
    broken: bool = False
    started: list[Listening] = field(default_factory=list, compare=False)

    async def serve(self, channel: str, site: Any, intake: Any) -> Listening | Fault:
        if self.broken:
            return TAKEN
        self.started.append(Listening(self.at))
        return self.started[-1]


def deployed(**sources: Source | None) -> Any:
    """A deployment of channels with these sources."""
    return SimpleNamespace(channels={name: SimpleNamespace(source=one) for name, one in sources.items()}, site=None)


def follow(*deployments: Any) -> tuple[Sources, list[list[Fault]]]:
    async def main() -> tuple[Sources, list[list[Fault]]]:
        running = Sources(None)  # type: ignore[arg-type]
        return running, [await running.follow(one) for one in deployments]

    return asyncio.run(main())


def test_a_source_that_cannot_bind_breaks_only_its_own_channel() -> None:
    running, faults = follow(deployed(a=Source("1"), b=Source("2", broken=True), c=Source("3"), d=None))
    assert faults == [[TAKEN]]
    assert running.addresses() == {"a": "1", "c": "3"}
    assert running.broken() == {"b": TAKEN}


def test_a_source_that_could_not_start_is_tried_until_it_can(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.sources.AGAIN", 0.01)
    told: list[str] = []

    async def main() -> None:
        late = Source("1", broken=True)
        running = Sources(None, lambda: told.append("late"))  # type: ignore[arg-type]
        assert await running.follow(deployed(a=late, b=Source("2"))) == [TAKEN]
        await asyncio.sleep(0.05)
        assert running.broken() == {"a": TAKEN}
        late.broken = False
        while running.broken():
            await asyncio.sleep(0.01)
        assert running.addresses() == {"a": "1", "b": "2"}
        await running.drain(1)
        await asyncio.sleep(0.05)
        assert [one.drained for one in late.started] == [1]

    asyncio.run(asyncio.wait_for(main(), 20))
    assert told == ["late"]


def test_what_is_unchanged_is_left_alone_and_what_changed_or_went_is_drained() -> None:
    kept, changed, gone = Source("1"), Source("2"), Source("3")
    running, _ = follow(deployed(a=kept, b=changed, c=gone), deployed(a=Source("1"), b=Source("2b"), d=Source("4")))
    assert [one.drained for one in kept.started] == [None]
    assert [one.drained for one in changed.started + gone.started] == [10.0, 10.0]
    assert running.addresses() == {"a": "1", "b": "2b", "d": "4"}


def test_sources_that_finish_slowly_do_so_together() -> None:
    async def main() -> float:
        running = Sources(None)  # type: ignore[arg-type]
        await running.follow(deployed(**{f"c{n}": Source("stuck") for n in range(20)}))
        began = time.monotonic()
        await running.drain(30.0)
        assert running.addresses() == {}
        return time.monotonic() - began

    assert asyncio.run(main()) < 2


def test_a_broken_source_is_tried_again_by_the_next_deployment() -> None:
    running, _ = follow(deployed(a=Source("1", broken=True)), deployed(a=Source("1")))
    assert running.broken() == {}
    assert running.addresses() == {"a": "1"}


CHANNEL = "channel: {name}\nsteps: [ {{ map: person }} ]\n"
MAPPING = (
    "mapping: person\nreads: hl7v2 ADT_A01\nwrites: fhir R4\nresources:\n  Patient:\n    key: PID-3\n    identifier: =PID-3\n"
)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    for folder in ("channels", "mappings"):
        (tmp_path / folder).mkdir()
    (tmp_path / "channels" / "a.yaml").write_text(CHANNEL.format(name="a"))
    (tmp_path / "mappings" / "person.yaml").write_text(MAPPING)
    return Settings(tmp_path, channels=tmp_path / "channels", mappings=tmp_path / "mappings")


def made(settings: Settings) -> Deployment:
    return deploy(settings, dry_site(settings))


def test_the_same_files_have_the_same_digest_wherever_they_lie(settings: Settings, tmp_path: Path) -> None:
    for folder in ("channels", "mappings"):
        shutil.copytree(tmp_path / folder, tmp_path / "other" / folder)
    other = Settings(tmp_path, channels=tmp_path / "other" / "channels", mappings=tmp_path / "other" / "mappings")
    first = made(settings)
    assert not first.refused, first.findings
    assert first.digest == made(other).digest


def test_a_mapping_that_changes_changes_the_digest_of_its_channels(settings: Settings) -> None:
    before = made(settings)
    mapping = settings.mappings / "person.yaml"
    mapping.write_text(MAPPING + "    name: =PID-5\n")
    after = made(settings)
    assert before.digest != after.digest
    assert before.plans["a"].digest != after.plans["a"].digest


def test_one_error_refuses_the_whole_set(settings: Settings) -> None:
    (settings.channels / "b.yaml").write_text("channel: b\nsteps: [ { map: nobody } ]\n")
    found = made(settings)
    assert found.refused
    assert [one.code for one in found.findings] == ["E230"]


def test_a_channel_that_is_switched_off_is_no_part_of_it(settings: Settings) -> None:
    (settings.channels / "b.yaml").write_text("channel: b\nenabled: no\nsteps: [ { map: person } ]\n")
    assert set(made(settings).plans) == {"a"}


def test_two_channels_of_one_name_are_refused(settings: Settings) -> None:
    (settings.channels / "b.yaml").write_text(CHANNEL.format(name="a"))
    found = made(settings)
    assert found.refused
    assert [one.code for one in found.findings] == ["E227"]


def test_the_files_of_a_plug_ins_folder_are_checked_and_deployed_with_the_channels(settings: Settings) -> None:
    folder = settings.channels / "topics"
    folder.mkdir()
    (folder / "stay.yaml").write_text("topic: urn:isthmus:topic:stay\nresource: Encounter\nfilters: [patient]\n")
    found = made(settings)
    assert not found.refused, found.findings
    assert found.folders["topics"]["stay"].url == "urn:isthmus:topic:stay"
    (folder / "again.yaml").write_text("topic: urn:isthmus:topic:stay\nresource: Encounter\n")
    (folder / "wrong.yaml").write_text("topic: urn:isthmus:topic:wrong\nresource: Nonsense\n")
    found = made(settings)
    assert found.refused
    assert sorted((one.code, one.at.file, one.at.line) for one in found.findings) == [
        ("E227", "channels/topics/stay.yaml", 1), ("E595", "channels/topics/wrong.yaml", 2),
    ]  # fmt: skip


def test_a_file_that_cannot_be_read_refuses_the_set_and_names_it(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    def closed(self: Path) -> bytes:
        raise PermissionError(13, "Permission denied", str(self))

    monkeypatch.setattr(Path, "read_bytes", closed)
    found = made(settings)
    assert found.refused
    assert found.findings[0].code == "E228"
    assert found.findings[0].at.file.endswith(".yaml")


@pytest.mark.parametrize("same", ["tcp:127.0.0.1:2601", "127.0.0.1:2601", "tcp::2601", "0.0.0.0:2601"])
def test_two_channels_on_one_address_are_refused_by_name(settings: Settings, same: str) -> None:
    text = 'channel: {name}\nsource: {{ mllp: {{ listen: "{listen}" }} }}\n'
    for name, listen in (
        ("one", "tcp:127.0.0.1:2601"),
        ("two", "127.0.0.1:2602"),
        ("any", ":0"),
        ("other", ":0"),
        ("six", "[::1]:2601"),
    ):
        (settings.channels / f"{name}.yaml").write_text(text.format(name=name, listen=listen))
    assert not made(settings).refused
    (settings.channels / "six.yaml").unlink()
    (settings.channels / "two.yaml").write_text(text.format(name="two", listen=same))
    found = made(settings)
    assert [(one.code, one.at.file) for one in found.findings if one.severity == "error"] == [("E229", "channels/two.yaml")]
    assert "the channel one" in next(one.text for one in found.findings if one.code == "E229")
