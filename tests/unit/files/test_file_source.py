"""A watched folder gives each whole file once, follows nothing, trusts no name, and loses nothing in a crash."""

from __future__ import annotations

import asyncio
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from adapters.files import folder as files
from adapters.files.folder import Entry
from adapters.files.source import Files, Watcher
from adapters.files.watch import Watch
from adapters.hl7v2.format import Hl7v2
from adapters.json_format import Json
from engine.fault import Fault, Kind
from engine.types import Running, Site
from tests.acceptance.mllp_peer import Memory, message, site


def made() -> Site:
    return replace(site(), formats={"hl7v2": Hl7v2(), "json": Json()})


class Clock:
    """A clock that goes as a test says."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def watching(place: Path, intake: Memory, clock: Clock | None = None, **options: Any) -> Watcher:
    return Watcher(Files(str(place), **options), place, "drop", made(), intake, clock or Clock())


def looks(watcher: Watcher, clock: Clock, times: int = 2) -> None:
    async def main() -> None:
        for _ in range(times):
            await watcher.look()
            clock.now += 5
        await watcher.drain(1)

    asyncio.run(main())


def taken(place: Path, names: dict[str, bytes], times: int = 2, **options: Any) -> Memory:
    """What a folder with these files gives."""
    for name, body in names.items():
        (place / name).write_bytes(body)
    intake, clock = Memory(), Clock()
    looks(watching(place, intake, clock, **options), clock, times)
    return intake


def test_a_whole_file_is_taken_once_and_moved(tmp_path: Path) -> None:
    intake = taken(tmp_path, {"a.hl7": message("M1")}, 4)
    assert intake.bodies == [message("M1")]
    assert (tmp_path / "done" / "a.hl7").read_bytes() == message("M1")
    assert not (tmp_path / "a.hl7").exists()
    [arrival] = intake.arrivals
    assert (arrival.channel, arrival.format, arrival.envelope.control_id) == ("drop", "hl7v2", "M1")


def test_a_body_without_a_number_has_the_files_name_and_digest(tmp_path: Path) -> None:
    intake = taken(tmp_path, {"bed 1.json": b"{}"}, format="json")
    assert intake.arrivals[0].envelope.control_id == "bed 1.json:44136fa355b3678a1146ad16f7e8649e"  # sha256 of {}
    assert intake.arrivals[0].envelope.sender == "drop"


def test_a_file_that_still_grows_is_left_alone() -> None:
    watch = Watch(settle=2)
    growing = [(0.0, 10, 1), (1.0, 20, 2), (2.0, 30, 3), (3.0, 30, 4), (4.0, 30, 4), (5.9, 30, 4), (6.0, 30, 4)]
    found = [watch.ready([Entry("a", size, changed, 7)], now) for now, size, changed in growing]
    assert found == [[], [], [], [], [], ["a"], ["a"]]


def test_a_file_that_was_replaced_begins_anew() -> None:
    watch = Watch(settle=2)
    assert watch.ready([Entry("a", 1, 1, 7)], 0) == []
    assert watch.ready([Entry("a", 1, 1, 8)], 3) == []
    assert watch.ready([Entry("a", 1, 1, 8)], 5) == ["a"]


def test_an_empty_file_is_never_whole() -> None:
    watch = Watch(settle=1)
    assert [watch.ready([Entry("a", 0, 1, 7)], now) for now in (0, 5, 10)] == [[], [], []]


def test_with_a_marker_a_file_waits_for_it(tmp_path: Path) -> None:
    assert taken(tmp_path, {"a.json": b"{}"}, 3, format="json", marker=".done").arrivals == []
    intake = taken(tmp_path, {"a.json.done": b""}, 1, format="json", marker=".done")
    assert intake.bodies == [b"{}"]
    assert sorted(os.listdir(tmp_path)) == [".taken", "done"]


@pytest.mark.parametrize("name", ["a.part", "a.tmp", "a.json~", ".hidden", "a.csv"])
def test_names_of_files_being_written_are_left_alone(tmp_path: Path, name: str) -> None:
    assert taken(tmp_path, {name: b"{}"}, 3, format="json", ignore=(*Files("x").ignore, "*.csv")).arrivals == []
    assert (tmp_path / name).exists()


def test_links_pipes_and_folders_are_left_alone(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("of another")
    drop = tmp_path / "drop"
    drop.mkdir()
    (drop / "link").symlink_to(secret)
    os.link(secret, drop / "hard")
    os.mkfifo(drop / "pipe")
    (drop / "folder").mkdir()
    assert taken(drop, {"a.json": b"{}"}, 3, format="json").bodies == [b"{}"]
    assert sorted(os.listdir(drop)) == [".taken", "done", "folder", "hard", "link", "pipe"]


def test_a_file_exchanged_for_a_link_at_the_last_moment_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("of another")
    drop = tmp_path / "drop"
    drop.mkdir()
    (drop / "a").symlink_to(tmp_path / "secret")
    assert files.claim(drop, "a")
    found = files.read(drop, "a", 1000)
    assert isinstance(found, Fault)
    assert (found.code, found.kind) == ("E733", Kind.INCORRECT)
    os.mkfifo(drop / "pipe")
    assert files.claim(drop, "pipe")
    assert isinstance(files.read(drop, "pipe", 1000), Fault)


def test_a_claimed_folder_that_was_exchanged_for_a_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "drop").mkdir()
    (tmp_path / "drop" / ".taken").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OSError, match=r"taken|directory|symbolic"):
        files.lock(tmp_path / "drop")


def test_what_a_crash_left_is_taken_again_and_has_no_second_effect(tmp_path: Path) -> None:
    intake, clock = Memory(), Clock()
    (tmp_path / "a.json").write_bytes(b"{}")

    async def main() -> None:
        first = watching(tmp_path, intake, clock, format="json")
        first._finish = lambda name, well: (_ for _ in ()).throw(OSError("power cut"))  # type: ignore[method-assign]
        with pytest.raises(OSError, match="power cut"):
            for _ in range(2):
                await first.look()
                clock.now += 5
        await first.drain(1)
        assert os.listdir(tmp_path / ".taken") != [".lock"]
        second = watching(tmp_path, intake, clock, format="json")
        await second.look()
        await second.drain(1)

    asyncio.run(main())
    assert len(intake.arrivals) == 1  # the second is a duplicate by name and digest
    assert os.listdir(tmp_path / "done") == ["a.json"]


def test_a_file_that_cannot_be_stored_stays_and_is_tried_again(tmp_path: Path) -> None:
    intake, clock = Memory(), Clock()
    intake.fault = Fault(Kind.UNAVAILABLE, "E620", "the database is away")
    for name in ("a.json", "b.json"):
        (tmp_path / name).write_bytes(b"{}")

    async def main() -> None:
        watcher = watching(tmp_path, intake, clock, format="json")
        for _ in range(2):
            await watcher.look()
            clock.now += 5
        assert not (tmp_path / "done").exists()
        intake.fault = None
        await watcher.look()
        await watcher.drain(1)

    asyncio.run(main())
    assert sorted(os.listdir(tmp_path / "done")) == ["a.json", "b.json"]
    assert len(intake.arrivals) == 2


def test_what_cannot_be_read_is_kept_and_goes_to_the_failed(tmp_path: Path) -> None:
    intake = taken(tmp_path, {"a.json": b"{"}, format="json")
    assert intake.arrivals[0].fault is not None
    assert os.listdir(tmp_path / "failed") == ["a.json"]


def test_a_file_that_is_too_large_goes_to_the_failed_unread(tmp_path: Path) -> None:
    assert taken(tmp_path, {"a.json": b"x" * 101}, format="json", max_body=100).arrivals == []
    assert os.listdir(tmp_path / "failed") == ["a.json"]


def test_two_files_of_one_name_are_both_kept(tmp_path: Path) -> None:
    taken(tmp_path, {"a.json": b"1"}, format="json")
    taken(tmp_path, {"a.json": b"2"}, format="json")
    assert sorted(path.read_bytes() for path in (tmp_path / "done").iterdir()) == [b"1", b"2"]


def test_done_files_can_be_deleted(tmp_path: Path) -> None:
    assert len(taken(tmp_path, {"a.json": b"{}"}, format="json", after="delete").arrivals) == 1
    assert os.listdir(tmp_path) == [".taken"]


def test_odd_names_are_made_plain(tmp_path: Path) -> None:
    odd = os.fsdecode(b"x\xff\n\x1b[31m$(reboot).json")
    intake = taken(tmp_path, {odd: b"{}"}, format="json")
    assert os.listdir(tmp_path / "done") == ["x____31m__reboot_.json"]
    assert intake.arrivals[0].envelope.control_id.startswith("x____31m__reboot_.json:")


def test_a_file_of_several_messages_gives_them_all_in_order(tmp_path: Path) -> None:
    bodies = [message("M1"), message("M2"), message("M3")]
    assert [one.envelope.control_id for one in taken(tmp_path, {"a": b"".join(bodies)}).arrivals] == ["M1", "M2", "M3"]


def test_a_batch_whose_count_does_not_agree_is_kept_whole_with_the_fault(tmp_path: Path) -> None:
    body = b"BHS|^~\\&|LAB\r" + message("M1") + b"BTS|2\r"
    [arrival] = taken(tmp_path, {"a": body}).arrivals
    assert arrival.body == body
    assert arrival.fault is not None
    assert os.listdir(tmp_path / "failed") == ["a"]


def test_files_are_taken_oldest_first(tmp_path: Path) -> None:
    for number, name in enumerate(("c", "a", "b")):
        (tmp_path / name).write_bytes(name.encode())
        os.utime(tmp_path / name, (number, number))
    intake = taken(tmp_path, {}, format="json")
    assert intake.bodies == [b"c", b"a", b"b"]


def test_a_second_process_keeps_away(tmp_path: Path) -> None:
    held = files.lock(tmp_path)
    assert held is not None
    assert taken(tmp_path, {"a.json": b"{}"}, 3, format="json").arrivals == []
    os.close(held)
    assert len(taken(tmp_path, {}, 3, format="json").arrivals) == 1


def test_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    found = asyncio.run(Files(str(tmp_path / "none")).serve("drop", made(), Memory()))
    assert isinstance(found, Fault)
    assert (found.code, found.kind) == ("E732", Kind.UNAVAILABLE)


def test_it_runs_until_it_is_drained(tmp_path: Path) -> None:
    async def main() -> Memory:
        intake = Memory()
        running: Running | Fault = await Files(str(tmp_path), "json", settle=0.01, every=0.01).serve("drop", made(), intake)
        assert not isinstance(running, Fault)
        assert running.address == str(tmp_path)
        (tmp_path / "a.json").write_bytes(b"{}")
        async with asyncio.timeout(20):
            while not (tmp_path / "done" / "a.json").exists():
                await asyncio.sleep(0.01)
        await running.drain(5)
        (tmp_path / "b.json").write_bytes(b"{}")
        return intake

    assert len(asyncio.run(main()).arrivals) == 1
    assert (tmp_path / "b.json").exists()
