"""A parcel becomes one whole file, under a safe name that is the same on every try."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Any

import pytest

from adapters.files.destination import File, FileSender
from engine.fault import Fault, Kind
from engine.types import Parcel
from tests.acceptance.mllp_peer import site


def parcel(idem: str = "lab.out|1|0", body: bytes = b"MSH|", **meta: str) -> Parcel:
    return Parcel("lab.out", "123", idem, body, "application/hl7-v2", {"message": "0190", "channel": "lab", **meta})


def sent(place: Path, *parcels: Parcel, **options: Any) -> list[Any]:
    async def main() -> list[Any]:
        sender = await File(str(place), **options).open(site())
        assert isinstance(sender, FileSender), sender
        found = [await sender.send(one) for one in parcels]
        await sender.close()
        return found

    return asyncio.run(main())


def test_a_parcel_is_a_file_named_by_its_message(tmp_path: Path) -> None:
    [receipt] = sent(tmp_path, parcel())
    assert os.listdir(tmp_path) == [receipt["file"]]
    assert receipt["file"].startswith("0190-")
    assert receipt["file"].endswith(".hl7")
    assert (tmp_path / receipt["file"]).read_bytes() == b"MSH|"
    assert (tmp_path / receipt["file"]).stat().st_mode & 0o777 == 0o640


def test_the_same_parcel_again_is_the_same_file(tmp_path: Path) -> None:
    sent(tmp_path, parcel(), parcel())
    assert len(os.listdir(tmp_path)) == 1
    sent(tmp_path, parcel("lab.out|1|1"))
    assert len(os.listdir(tmp_path)) == 2


def test_no_part_of_a_name_leaves_the_folder(tmp_path: Path) -> None:
    inner = tmp_path / "inner"
    inner.mkdir()
    odd = {"type": "../../etc/cron.d/x", "channel": "..", "message": "\x00\n/a"}
    [receipt] = sent(inner, parcel(**odd), name="{type}{channel}{message}{id}")
    assert os.listdir(tmp_path) == ["inner"]
    assert os.listdir(inner) == [receipt["file"]]


def test_a_link_of_the_name_is_replaced_and_not_followed(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("kept")
    out = tmp_path / "out"
    out.mkdir()
    name = sent(out, parcel())[0]["file"]
    (out / name).unlink()
    (out / name).symlink_to(victim)
    sent(out, parcel())
    assert victim.read_text() == "kept"
    assert not (out / name).is_symlink()
    (out / f".{name}.part").symlink_to(victim)
    [found] = sent(out, parcel())
    assert isinstance(found, Fault)
    assert victim.read_text() == "kept"


def test_a_part_that_a_crash_left_is_written_over(tmp_path: Path) -> None:
    name = sent(tmp_path, parcel())[0]["file"]
    (tmp_path / f".{name}.part").write_bytes(b"x" * 1000)
    sent(tmp_path, parcel())
    assert os.listdir(tmp_path) == [name]
    assert (tmp_path / name).read_bytes() == b"MSH|"


def test_a_folder_that_is_away_is_tried_again(tmp_path: Path) -> None:
    [found] = sent(tmp_path / "none", parcel())
    assert isinstance(found, Fault)
    assert (found.code, found.kind, found.kind.answer.retry) == ("E732", Kind.UNAVAILABLE, True)


@pytest.mark.parametrize(
    "options",
    [
        {"name": "{message}"},
        {"name": "{id.__class__}"},
        {"name": "{0}{id}"},
        {"name": "{id}", "mode": "rw"},
        {"name": "{id}", "mode": "7777"},
        {"name": "{id}", "ending": "/../x"},
    ],
)
def test_options_that_cannot_be_used_are_told_at_the_start(tmp_path: Path, options: dict[str, str]) -> None:
    found = asyncio.run(File(str(tmp_path), **options).open(site()))
    assert isinstance(found, Fault)
    assert found.code == "E728"
