"""The destinations `ecg` and `ecg_signal`: hand ECGs from channel to channel of this engine, once they are on disk here.

`ecg` hands over the ECG that an HL7 message holds, so that the channel it came by stays quick and an ECG has one way through the engine;
`ecg_signal` hands over what the step `ecg` has read and measured, so that classification never keeps a report waiting.
"""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from adapters.ecg.embedded import encapsulated, holds_ecg
from adapters.ecg.format import Ecg
from adapters.ecg.step import Made
from engine.fault import Fault, Kind
from engine.types import JSON, Arrival, Envelope, Parcel, Sender, Site, Work

_encoder = msgspec.json.Encoder(decimal_format="number")


@dataclass(frozen=True, slots=True)
class Forward:
    """`{ ecg: ecg }` hands over to the channel `ecg`. Other files (documents, images) are not its business."""

    channel: str = "ecg"  # the channel it is handed to

    def parcel(self, work: Work) -> bytes | None:
        """What is handed over: the message as it came, when it holds an ECG."""
        file = encapsulated(work.message.body)
        return work.message.body if file is not work.message.body and holds_ecg(file) else None

    async def open(self, site: Site) -> Sender | Fault:
        """The engine's own intake."""
        if site.intake is None:
            return Fault(Kind.UNSUPPORTED, "E180", "only a running engine hands ECGs over", "ecg")
        return Hand(self.channel, site)


@dataclass(frozen=True, slots=True)
class ForwardSignal:
    """`{ ecg_signal: ecg_findings }` hands the signal and measurements over to that channel, once the report is stored."""

    channel: str  # the channel it is handed to

    def parcel(self, work: Work) -> bytes | None:
        """What is handed over; nothing where the step `ecg` was not run."""
        made = work.data.get("ecg")
        if not isinstance(made, Made):
            return None
        row = {"digest": made.digest, "report": made.report, "leads": made.signal.leads, "rate": made.signal.rate}
        row |= {"samples": made.signal.packed, "scale": made.signal.scale, "origin": made.signal.origin}
        row |= {"base": made.base, "patient": made.patient}
        return _encoder.encode(row | {"measurements": (made.measured or {}).get("measurements", [])})

    async def open(self, site: Site) -> Sender | Fault:
        """The engine's own intake."""
        return await Forward(self.channel).open(site) if site.intake is None else Hand(self.channel, site, "json")


class Hand:
    """The way to another channel of this engine."""

    def __init__(self, channel: str, site: Site, format: str = "ecg") -> None:
        self._channel, self._site, self._format = channel, site, format

    async def send(self, parcel: Parcel) -> JSON | Fault:
        """Stores the message under the other channel; the same file again is known there."""
        site, told = self._site, Ecg().envelope(parcel.body)
        assert site.intake is not None
        envelope = Envelope() if isinstance(told, Fault) else told
        arrival = Arrival(
            site.new_id(), self._channel, self._format, parcel.body, site.now(), envelope, parcel.meta.get("channel", "")
        )
        [receipt] = await site.intake.accept([arrival])
        return receipt if isinstance(receipt, Fault) else {"id": str(receipt.id), "duplicate": receipt.duplicate}

    async def close(self) -> None:
        """Nothing is held."""
