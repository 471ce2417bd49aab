"""Couriers of one destination in a process of their own, to be stopped and woken (R17).

    python tests/crash/courier_harness.py DSN PORT NAME [--unfenced]

Each parcel leaves as the line `NAME idem` over a connection of its own to PORT, and is delivered when any line comes back. `--unfenced`
goes on serving whatever has become of its lease: a mutant that the test must catch.
"""

from __future__ import annotations

import asyncio
import sys
from dataclasses import dataclass
from datetime import UTC, datetime

from engine.deliver import Couriers, Route, Schedule
from engine.fault import Fault
from engine.types import JSON, Parcel, Sender, Site
from engine.uuid7 import uuid7

LEASE = 1.0  # seconds


@dataclass(frozen=True, slots=True)
class Lines:
    """Sends a line for each parcel."""

    port: int
    name: str

    async def open(self, site: Site) -> Sender | Fault:
        return self

    async def send(self, parcel: Parcel) -> JSON | Fault:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        writer.write(f"{self.name} {parcel.idem}\n".encode())
        got = await reader.readline()
        writer.close()
        if not got:
            raise ConnectionResetError
        return {}

    async def close(self) -> None:
        return None


class Unfenced(Couriers):
    """Believes for ever that the destination is its own."""

    def _owner(self, name: str) -> int:
        return self._leases.owner


async def main(dsn: str, port: int, name: str, unfenced: bool) -> None:
    site = Site({}, {}, {}, lambda: datetime.now(UTC), uuid7)
    couriers = (Unfenced if unfenced else Couriers)(dsn, site, LEASE)
    await couriers.start([Route("ehr", Lines(port, name), Schedule(0.1, 0.1, None))])
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2]), sys.argv[3], "--unfenced" in sys.argv))
