"""The destination `channel`: what one channel has made is a message of another, once.

The parcel's key is the message's control id, so that a parcel that is repeated is a duplicate there. A circle of channels is refused
when the set is checked.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from engine.channel.model import Channel
from engine.diagnostic import Diagnostic, absent, did_you_mean
from engine.fault import Fault, Kind
from engine.types import JSON, Arrival, Envelope, Intake, Parcel, Receipt, Sender, Site


@dataclass(frozen=True, slots=True)
class Feed:
    """Feeds another channel, which keeps, orders and delivers what it gets as if it came from outside."""

    to: str  # the channel's name

    async def open(self, site: Site) -> Sender | Fault:
        """Needs the engine's own intake."""
        if site.intake is None:
            return Fault(Kind.UNAVAILABLE, "E703", "no channel can be fed here", self.to, "it is tried again by its schedule")
        return FeedSender(self.to, site.intake, site)


class FeedSender:
    """A way into one channel."""

    def __init__(self, to: str, intake: Intake, site: Site) -> None:
        self._to, self._intake, self._site = to, intake, site

    async def send(self, parcel: Parcel) -> JSON | Fault:
        """Hands the parcel in; the receipt is the id of the message it became. The intake knows the channel's format."""
        envelope = Envelope(parcel.meta.get("type", ""), parcel.destination, parcel.idem, parcel.key)
        arrival = Arrival(self._site.new_id(), self._to, "", parcel.body, self._site.now(), envelope, "channel")
        await self._intake.ready()
        [receipt] = await self._intake.accept([arrival])
        return {"message": str(receipt.id)} if isinstance(receipt, Receipt) else receipt

    async def close(self) -> None:
        """Nothing is held."""


def check_feeds(channels: Mapping[str, Channel]) -> Iterator[Diagnostic]:
    """What is wrong with which channel feeds which: it is not there, or feeds itself, be it through others."""
    feeds = {
        name: [one.to.plugin.to for one in channel.destinations if isinstance(one.to.plugin, Feed)]
        for name, channel in channels.items()
    }
    for name, channel in channels.items():
        for one in channel.destinations:
            if not isinstance(one.to.plugin, Feed):
                continue
            to = one.to.plugin.to
            if to not in channels:
                yield Diagnostic(
                    "E736",
                    absent("channel", to),
                    one.at,
                    did_you_mean(to, channels) or f"channels: {', '.join(sorted(channels))}",
                )
            elif name in _reached(to, feeds):
                yield Diagnostic(
                    "E736", f"{name} would feed itself through {to}", one.at, "take one of the circle's channels out"
                )


def _reached(start: str, feeds: Mapping[str, list[str]]) -> set[str]:
    """Every channel that what is put into `start` comes to, itself included."""
    found, rest = {start}, [start]
    while rest:
        for following in feeds.get(rest.pop(), ()):
            if following not in found:
                found.add(following)
                rest.append(following)
    return found
