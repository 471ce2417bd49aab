"""What the sender asks a receiver for, and what it waits for: MSH-15 and MSH-16 as they are passed on, and as they are sent."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from adapters.hl7v2 import client
from adapters.hl7v2.asking import asking
from adapters.hl7v2.client import send
from adapters.hl7v2.destination import Mllp
from adapters.hl7v2.header import read_header
from engine.fault import Fault
from engine.types import Parcel
from tests.acceptance.mllp_peer import message, site
from tests.acceptance.mllp_receiver import Far, deliver, outcome, receiving


def test_after_ca_the_application_is_waited_for_when_asked_so() -> None:
    async def enhanced(far: Far) -> None:
        await far.message()
        far.ack("CA")
        await asyncio.sleep(0.05)
        far.ack("AE")
        await far.message()

    [found], _ = deliver(enhanced)
    assert (found["code"], found["awaiting"]) == ("CA", "application")
    [found], _ = deliver(enhanced, application_answer=True)
    assert outcome(found) == "E138"


async def answered(far: Far, body: bytes) -> None:
    """Answers as table 0155 says to: acceptance only where it is asked for, or where nothing is said."""
    wishes = (body.split(b"\r")[0].split(b"|") + [b""] * 20)[14:16]
    if wishes[0] in (b"AL", b"SU") or not any(wishes):
        far.ack("CA" if any(wishes) else "AA", body.split(b"|")[9].decode())


async def taken(far: Far) -> None:
    while body := await far.message():
        await answered(far, body)


WISHES = ("|||ER|AL", "|||NE|NE", "|||NE", "||||AL", "|||SU|NE", "|||AL|NE")


@pytest.mark.parametrize("wishes", WISHES)
def test_a_message_that_is_passed_on_asks_for_our_own_acknowledgement(wishes: str) -> None:
    """MSH-15 and MSH-16 as its first sender filled them were for that exchange."""

    async def main() -> Any:
        async with receiving(taken) as (port, _):
            sender = await Mllp(f"tcp:127.0.0.1:{port}", timeout=0.4).open(site())
            assert not isinstance(sender, Fault)
            found = await sender.send(Parcel("ehr", "123", "M1", message("M1", "ORU^R01", "PID|1||1||M\u00fcller", extra=wishes)))
            await sender.close()
            return found

    assert outcome(asyncio.run(main())) == "CA"


def test_asking_changes_no_other_byte() -> None:
    body = message("M1", "ORU^R01", "PID|1||1||M\u00fcller", extra="|||ER|NE||UNICODE UTF-8")
    header = read_header(body)
    assert isinstance(header, Fault) is False
    assert asking(body, header) == body.replace(b"|ER|NE|", b"|AL|NE|")  # type: ignore[arg-type]
    assert asking(body, header, application=True) == body.replace(b"|ER|NE|", b"|AL|AL|")  # type: ignore[arg-type]
    original = message("M1")
    assert asking(original, read_header(original)) is original  # type: ignore[arg-type]


@pytest.mark.parametrize("wishes", WISHES)
def test_messages_that_are_sent_as_they_are_may_be_answered_by_silence(wishes: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "SILENCE", 0.2)
    bodies = [message(f"M{n}", extra=wishes) for n in (1, 2)]
    got: list[bytes] = []

    async def receiver(far: Far) -> None:
        while body := await far.message():
            got.append(body)
            await answered(far, body)

    async def main() -> list[Any]:
        async with receiving(receiver) as (port, _):
            return [found async for found in send("127.0.0.1", port, bodies, timeout=5)]

    expected = "CA" if wishes.split("|")[3] in ("AL", "SU") else ""
    assert [found.code for found in asyncio.run(main())] == [expected] * 2
    assert got == bodies


def test_silence_is_a_time_out_where_an_answer_was_asked_for_and_a_refusal_is_heard_where_only_that_was() -> None:
    async def refusing(far: Far) -> None:
        await far.message()
        far.ack("CE")
        await far.message()

    async def main() -> list[Any]:
        async with receiving(refusing) as (port, _):
            return [found async for found in send("127.0.0.1", port, [message("M1", extra="|||ER|NE")], timeout=0.4)]

    assert [outcome(found) for found in asyncio.run(main())] == ["E138"]
