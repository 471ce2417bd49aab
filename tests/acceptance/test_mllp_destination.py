"""The sender against receivers that misbehave in every way: nothing is delivered unless its own answer says so."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from adapters.hl7v2 import client
from adapters.hl7v2.asking import asking
from adapters.hl7v2.client import Link, Reply, send
from adapters.hl7v2.destination import Mllp, for_wire
from adapters.hl7v2.framing import Frame, Framer, wrap
from adapters.hl7v2.header import read_header
from engine.fault import Fault, Kind
from engine.types import Parcel
from tests.acceptance.mllp_peer import Memory, listening, message, site

Receiver = Callable[["Far"], Awaitable[None]]


class Far:
    """The far side of one connection, as a test scripts it."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer, self.framer = reader, writer, Framer()

    async def message(self) -> bytes:
        """The next message; b'' at the end."""
        while data := await self.reader.read(65536):
            for item in self.framer.feed(data):
                if isinstance(item, Frame):
                    return item.body
        return b""

    def ack(self, code: str = "AA", number: str = "M1", text: str = "") -> None:
        """Sends an acknowledgement."""
        self.raw(wrap(rf"MSH|^~\&|EHR|||||| |ACK|K1|P|2.5".encode() + f"\rMSA|{code}|{number}|{text}\r".encode()))  # noqa: F541

    def raw(self, data: bytes) -> None:
        """Sends bytes."""
        self.writer.write(data)


@asynccontextmanager
async def receiving(receiver: Receiver) -> AsyncIterator[tuple[int, list[int]]]:
    """A receiver on a free port; gives the port and a list that grows with each connection."""
    connections: list[int] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.append(1)
        try:
            await receiver(Far(reader, writer))
        except (ConnectionError, asyncio.CancelledError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1], connections
    finally:
        server.close()


def deliver(receiver: Receiver, number: int = 1, timeout: float = 0.4, **options: Any) -> tuple[list[Any], int]:
    """Delivers M1, M2 …; gives the receipts or faults, and how many connections were used."""

    async def main() -> tuple[list[Any], int]:
        async with receiving(receiver) as (port, connections):
            sender = await Mllp(f"tcp:127.0.0.1:{port}", timeout=timeout, **options).open(site())
            assert not isinstance(sender, Fault)
            found = [await sender.send(parcel(f"M{n}")) for n in range(1, number + 1)]
            await sender.close()
            return found, len(connections)

    return asyncio.run(main())


def parcel(number: str) -> Parcel:
    return Parcel("ehr", "123", number, message(number))


def outcome(found: Any) -> str:
    return found.code if isinstance(found, Fault) else found["code"]


def test_messages_share_one_connection() -> None:
    async def honest(far: Far) -> None:
        while body := await far.message():
            far.ack(number=body.split(b"|")[9].decode())

    found, connections = deliver(honest, 3)
    assert [(one["code"], one["control_id"]) for one in found] == [("AA", "M1"), ("AA", "M2"), ("AA", "M3")]
    assert connections == 1


@pytest.mark.parametrize(
    ("code", "expected", "kind"),
    [
        ("AE", "E138", Kind.INCORRECT),
        ("CE", "E138", Kind.INCORRECT),
        ("AR", "E139", Kind.UNAVAILABLE),
        ("CR", "E139", Kind.UNAVAILABLE),
        ("XX", "E149", Kind.INTERRUPTED),
        ("", "E149", Kind.INTERRUPTED),
    ],
)
def test_each_code_has_its_outcome(code: str, expected: str, kind: Kind) -> None:
    async def answers(far: Far) -> None:
        await far.message()
        far.ack(code)

    [found], _ = deliver(answers)
    assert isinstance(found, Fault)
    assert (found.code, found.kind) == (expected, kind)


def test_a_swapped_answer_is_not_taken() -> None:
    async def swaps(far: Far) -> None:
        await far.message()
        far.ack(number="M7")
        await far.message()

    [found], _ = deliver(swaps)
    assert outcome(found) == "E148"


def test_a_foreign_answer_is_thrown_away_and_the_right_one_taken() -> None:
    async def chatters(far: Far) -> None:
        await far.message()
        far.ack("AE", "M0")
        far.ack("AA", "M1")
        await far.message()

    [found], _ = deliver(chatters)
    assert outcome(found) == "AA"


def test_a_late_answer_is_never_taken_for_the_next_message() -> None:
    async def late(far: Far) -> None:
        body = await far.message()
        await asyncio.sleep(0.3)
        far.ack(number="M2" if b"M1" in body else "M1")  # even one that would fit the next message
        await far.message()

    found, connections = deliver(late, 2, timeout=0.15)
    assert [outcome(one) for one in found] == ["E148", "E148"]
    assert connections == 2


def test_a_second_answer_does_not_answer_the_same_message_sent_again() -> None:
    async def main() -> list[str]:
        async def doubles(far: Far) -> None:
            await far.message()
            far.ack("AR", "M1")
            far.ack("AA", "M1")
            await far.writer.drain()
            await far.message()
            far.ack("AE", "M1")
            await far.message()

        async with receiving(doubles) as (port, _):
            link = Link("127.0.0.1", port)
            found = []
            for _ in range(2):
                reply = await link.ask(message("M1"), 1)
                assert isinstance(reply, Fault)
                found.append(reply.code)
                await asyncio.sleep(0.05)
            await link.close()
            return found

    assert asyncio.run(main()) == ["E139", "E138"]


@pytest.mark.parametrize(
    "answer",
    [
        wrap(b"MSH|^~\\&|EHR\rMSA|AA\r"),
        wrap(b"MSH|^~\\&|EHR\rMSA|AA|\r"),
        wrap(b"MSH|^~\\&|EHR\r"),
        wrap(b""),
        wrap(b"OK"),
        wrap(b"MSH|^~\\&|EHR\r" + b"NTE|1||" + b"x" * 10_000_000),
        b"\x0b" + b"x" * 2_000_000,
        b"HTTP/1.1 400 Bad Request\r\n" * 5000,
    ],
)
def test_an_answer_that_makes_no_sense_delivers_nothing_and_ends_the_connection(answer: bytes) -> None:
    async def odd(far: Far) -> None:
        await far.message()
        far.raw(answer)
        await far.message()

    found, connections = deliver(odd, 2, timeout=5)
    assert [outcome(one) for one in found] == ["E149", "E149"]
    assert connections == 2


def test_silence_is_a_time_out() -> None:
    async def silent(far: Far) -> None:
        await far.message()
        await far.message()

    [found], _ = deliver(silent)
    assert isinstance(found, Fault)
    assert (found.code, found.kind.answer.retry) == ("E148", True)


def test_an_answer_that_never_ends_is_a_time_out() -> None:
    async def endless(far: Far) -> None:
        await far.message()
        far.raw(b"\x0bMSH|^~\\&|EHR\rMSA|AA|M1\r")
        while True:
            far.raw(b"x")
            await far.writer.drain()
            await asyncio.sleep(0.02)

    [found], _ = deliver(endless)
    assert outcome(found) == "E148"


def test_a_receiver_that_closes_without_an_answer_has_not_taken_it() -> None:
    async def closes(far: Far) -> None:
        await far.message()

    found, connections = deliver(closes, 2)
    assert [outcome(one) for one in found] == ["E148", "E148"]
    assert connections == 2


def test_a_connection_closed_between_messages_is_made_anew() -> None:
    async def one_each(far: Far) -> None:
        body = await far.message()
        far.ack(number=body.split(b"|")[9].decode())

    async def main() -> list[str]:
        async with receiving(one_each) as (port, connections):
            link = Link("127.0.0.1", port)
            codes = []
            for n in (1, 2, 3):
                reply = await link.ask(message(f"M{n}"), 2)
                codes.append(reply.code)
                await asyncio.sleep(0.05)
            await link.close()
            assert len(connections) == 3
            return codes

    assert asyncio.run(main()) == ["AA", "AA", "AA"]


def test_no_receiver_is_told_with_its_address() -> None:
    async def main() -> Any:
        sender = await Mllp("tcp:127.0.0.1:1", connect_timeout=1).open(site())
        assert not isinstance(sender, Fault)
        return await sender.send(parcel("M1"))

    found = asyncio.run(main())
    assert (found.code, found.kind, found.at) == ("E109", Kind.UNAVAILABLE, "127.0.0.1:1")


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


def test_a_message_without_control_id_is_not_sent() -> None:
    async def main() -> Any:
        return await Link("127.0.0.1", 1).ask(message(""))

    found = asyncio.run(main())
    assert found.code == "E129"


def test_our_own_listener_answers_our_own_sender() -> None:
    async def main() -> list[str]:
        intake = Memory()
        async with listening(intake) as listener:
            port = int(listener.address.rpartition(":")[2])
            bodies = [message(f"M{n}") for n in range(5)]
            codes = [reply.code async for reply in send("127.0.0.1", port, bodies) if isinstance(reply, Reply)]
            assert intake.bodies == bodies
            return codes

    assert asyncio.run(main()) == ["AA"] * 5


def test_a_block_character_in_the_message_is_escaped_on_the_wire() -> None:
    assert for_wire(message("M1", "ORU^R01", "OBX|1|ST|A||a\x1c\rNTE|\x0b"), "").count(b"\x1c") == 0  # type: ignore[union-attr]
    body = for_wire(message("M1", "ORU^R01", "OBX|1|ST|A||a\x1cb"), "")
    assert isinstance(body, bytes)
    assert b"a\\X1C\\b" in body


def test_a_message_is_written_in_the_receivers_character_set() -> None:
    body = for_wire(message("M1", "ORU^R01", "PID|1||1||Müller", extra="||||||UNICODE UTF-8"), "8859/1")
    assert isinstance(body, bytes)
    assert b"||||||8859/1\rPID|1||1||M\xfcller\r" in body
    found = for_wire(message("M1", "ORU^R01", "PID|1||1||漢", extra="||||||UNICODE UTF-8"), "8859/1")
    assert isinstance(found, Fault)
    assert found.code == "E136"


def test_wrong_options_are_told_before_anything_is_sent() -> None:
    async def main() -> list[Any]:
        return [await Mllp("nowhere").open(site()), await Mllp("tcp:a:1", charset="UNICODE UTF-16").open(site())]

    assert [outcome(one) for one in asyncio.run(main())] == ["E107", "E113"]
