"""One channel feeds another, once, and never in a circle."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from engine.channel.model import Channel, Delivery, Used
from engine.deliver.feed import Feed, check_feeds
from engine.fault import Fault, Kind
from engine.intake import keyed
from engine.run import Plan
from engine.types import Arrival, Envelope, Parcel
from tests.acceptance.mllp_peer import Memory, message, site


def channels(**feeds: str) -> dict[str, Channel]:
    return {
        name: Channel(name, "", destinations=tuple(Delivery(f"to_{to}", Used("channel", Feed(to))) for to in tos.split()))
        for name, tos in feeds.items()
    }


@pytest.mark.parametrize(
    ("feeds", "told"),
    [
        ({"a": "b", "b": ""}, []),
        ({"a": "b c", "b": "d", "c": "d", "d": ""}, []),
        ({"a": "a"}, ["a would feed itself through a"]),
        ({"a": "b", "b": "a"}, ["a would feed itself through b", "b would feed itself through a"]),
        ({"a": "b", "b": "c", "c": "b"}, ["b would feed itself through c", "c would feed itself through b"]),
        ({"a": "x"}, ["there is no channel called x"]),
    ],
)
def test_a_circle_or_a_channel_that_is_not_there_is_found(feeds: dict[str, str], told: list[str]) -> None:
    found = list(check_feeds(channels(**feeds)))
    assert [one.text for one in found] == told
    assert {one.code for one in found} <= {"E736"}


def test_a_parcel_becomes_a_message_of_the_other_channel_once() -> None:
    intake = Memory()
    parcel = Parcel("lab.archive", "p1", "lab.archive|1|0", message("M1"), "application/hl7-v2", {"type": "ORU^R01"})

    async def main() -> list[object]:
        sender = await Feed("archive").open(replace(site(), intake=intake))
        assert not isinstance(sender, Fault)
        return [await sender.send(parcel), await sender.send(parcel)]

    first, second = asyncio.run(main())
    [arrival] = intake.arrivals
    assert first == second == {"message": str(arrival.id)}
    assert (arrival.channel, arrival.envelope) == ("archive", Envelope("ORU^R01", "lab.archive", "lab.archive|1|0", "p1"))


def test_it_gets_the_other_channels_format_and_type() -> None:
    from adapters.hl7v2.format import Hl7v2

    plan = Plan("archive", "1", Hl7v2(), ())
    arrival = Arrival(site().new_id(), "archive", "", message("M1", "ADT^A01"), site().now(), Envelope("ORU^R01"))
    found = keyed(arrival, plan)
    assert (found.format, found.envelope.type) == ("hl7v2", "ADT^A01")


def test_without_an_engine_nothing_is_fed() -> None:
    found = asyncio.run(Feed("archive").open(site()))
    assert isinstance(found, Fault)
    assert (found.code, found.kind) == ("E703", Kind.UNAVAILABLE)
