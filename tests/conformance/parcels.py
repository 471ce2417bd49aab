"""What every destination is sent, and the addresses that tests may reach."""

from __future__ import annotations

from engine.types import Parcel

LOOPBACK = ("127.0.0.0/8",)


def parcel(number: int, body: bytes, kind: str) -> Parcel:
    return Parcel(
        "lab.out", f"p{number}", f"lab.out|{number}|0", body, kind, {"message": f"m{number}", "channel": "lab", "type": "ORU^R01"}
    )
