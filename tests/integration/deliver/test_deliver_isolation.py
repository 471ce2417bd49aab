"""A destination, or a key, that hangs or is far behind keeps no other back."""

from __future__ import annotations

import asyncio

from engine.fault import Fault
from engine.types import JSON, Parcel
from tests.integration.deliver.far_side import Far, deliver, left, parcel, put


def test_a_destination_that_never_answers_slows_no_other(database: str) -> None:
    async def never(parcel: Parcel, n: int) -> JSON | Fault:
        await asyncio.sleep(3600)
        return {}

    hole, live = Far(never), Far()
    put(database, *(parcel(n, f"k{n}", "hole") for n in range(20)), *(parcel(n, "k", "live") for n in range(20)))
    deliver(database, {"hole": hole, "live": live}, lambda: len(live.got) == 20 and left(database) == 20)
    assert len(hole.got) == 4  # bounded: as many as its route allows


def test_the_backlog_of_one_key_keeps_no_other_back(database: str) -> None:
    hanging = asyncio.Event()

    async def answer(parcel: Parcel, n: int) -> JSON | Fault:
        if parcel.key == "dead":
            await hanging.wait()
        return {}

    far = Far(answer)
    put(database, *(parcel(n, "dead") for n in range(600)))
    put(database, *(parcel(n, key) for n in range(20) for key in "abc"))

    def others() -> bool:
        return len([idem for idem in far.got if not idem.startswith("dead")]) == 60

    deliver(database, {"ehr": far}, others, parallel=50)
    for key in "abc":
        assert [idem for idem in far.got if idem[0] == key] == [f"{key}{n}" for n in range(20)]
    assert [idem for idem in far.got if idem.startswith("dead")] == ["dead0"]


def test_many_keys_that_hang_keep_no_other_back_while_there_is_room_beside_them(database: str) -> None:
    async def answer(parcel: Parcel, n: int) -> JSON | Fault:
        if parcel.key.startswith("dead"):
            await asyncio.sleep(3600)
        return {}

    far = Far(answer)
    put(database, *(parcel(n, f"dead{key}-") for n in range(2) for key in range(400)), *(parcel(n, "live") for n in range(20)))
    deliver(database, {"ehr": far}, lambda: "live19" in far.got, parallel=500)
    assert [idem for idem in far.got if idem.startswith("live")] == [f"live{n}" for n in range(20)]
