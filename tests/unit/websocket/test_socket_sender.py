"""What leaves over a WebSocket is believed only when the server names it, and goes only where it may."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Sequence
from http import HTTPStatus
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection, serve
from websockets.datastructures import Headers
from websockets.http11 import Request, Response

from adapters.safe_tls import Tls, server_context
from adapters.websocket.destination import Websocket
from engine.fault import Fault
from engine.types import Parcel
from tests.acceptance.certificates import Authority
from tests.acceptance.mllp_peer import site

LOOPBACK = ("127.0.0.0/8",)
Peer = Callable[[ServerConnection], Awaitable[None]]
META = {"channel": "lab", "message": "m1", "type": "ORU^R01"}


def parcel(number: int = 1, body: bytes = b"{}", kind: str = "application/json") -> Parcel:
    return Parcel("lab.ward", "p", f"lab.ward|{number}", body, kind, META)


def sent(
    peer: Peer, parcels: Sequence[Parcel] = (parcel(),), scheme: str = "ws", certificate: Any = None, **options: Any
) -> list[Any]:
    """What becomes of parcels sent to a server; `process_request` goes to the server."""
    answer = options.pop("process_request", None)

    async def main() -> list[Any]:
        server = await serve(peer, "127.0.0.1", 0, ssl=certificate, process_request=answer)
        [port] = [each.getsockname()[1] for each in server.sockets]
        given = {"timeout": 10.0, "allow": LOOPBACK, **options}
        sender = await Websocket(url=f"{scheme}://127.0.0.1:{port}/in?a=b", **given).open(site())
        assert not isinstance(sender, Fault), sender
        found = [await sender.send(one) for one in parcels]
        await sender.close()
        server.close()
        return found

    return asyncio.run(main())


def outcome(found: Any) -> Any:
    return found.code if isinstance(found, Fault) else found


def test_a_frame_holds_the_parcel_with_its_digits_and_one_id_on_every_try() -> None:
    frames: list[str] = []

    async def peer(one: ServerConnection) -> None:
        async for frame in one:
            frames.append(str(frame))
            await one.send(json.dumps({"ack": json.loads(frame)["id"]}))

    parcels = [
        parcel(1, b'{"value": 7.10}'),
        parcel(1, b'{"value": 7.10}'),
        parcel(2, b"MSH|x\r", "application/hl7-v2"),
        parcel(3, b"\xff"),
    ]
    receipts = sent(peer, parcels)
    first, again, text, raw = [json.loads(frame, parse_float=str) for frame in frames]
    assert [receipt["ack"] for receipt in receipts] == [first["id"], again["id"], text["id"], raw["id"]]
    assert first == again
    assert len({first["id"], text["id"], raw["id"]}) == 3
    assert first["body"] == {"value": "7.10"}
    assert (first["channel"], first["message"], first["type"]) == ("lab", "m1", "ORU^R01")
    assert text["body"] == "MSH|x\r"
    assert (raw["encoding"], raw["body"]) == ("base64", "/w==")


@pytest.mark.parametrize("said", ['{"ack": "other"}', "ack", "[]", '{"ack": null}', "{", "\ud7ff"])
def test_what_names_another_parcel_or_none_delivers_nothing(said: str) -> None:
    async def peer(one: ServerConnection) -> None:
        async for _ in one:
            await one.send(said)
            await one.send(said.encode())

    assert [outcome(found) for found in sent(peer, timeout=0.5)] == ["E723"]


def test_a_late_acknowledgement_is_never_taken_for_the_next_parcel() -> None:
    ids: list[str] = []

    async def peer(one: ServerConnection) -> None:
        async for frame in one:
            ids.append(json.loads(frame)["id"])
            if len(ids) == 2:  # of the one before, on the connection that came after its time-out
                await one.send(json.dumps({"ack": ids[0]}))

    assert [outcome(found) for found in sent(peer, [parcel(1), parcel(2)], timeout=0.2)] == ["E723", "E723"]


def test_a_far_side_may_ask_for_time() -> None:
    async def peer(one: ServerConnection) -> None:
        async for frame in one:
            await one.send(json.dumps({"nack": json.loads(frame)["id"], "retry_after": 30}))

    [found] = sent(peer)
    assert (found.code, found.again, found.kind.answer.retry) == ("E725", 30.0, True)


async def closed(one: ServerConnection) -> None:
    return None


@pytest.mark.parametrize(("status", "code"), [(401, "E724"), (404, "E726"), (503, "E724"), (307, "E727"), (200, "E722")])
def test_a_server_that_opens_no_websocket_is_told_by_its_status(status: int, code: str) -> None:
    def answer(_: ServerConnection, request: Request) -> Response:
        assert request.path == "/in?a=b"
        assert request.headers["Authorization"] == "Bearer a-long-enough-token"
        return Response(HTTPStatus(status).value, "Said", Headers({"Location": "ws://127.0.0.1:1/", "Retry-After": "7"}))

    [found] = sent(closed, process_request=answer, token="a-long-enough-token")
    assert found.code == code
    assert found.again == (7.0 if status == 503 else 0.0)


def test_the_servers_certificate_and_name_are_checked(tmp_path: Path) -> None:
    authority = Authority(tmp_path, "ca")

    async def peer(one: ServerConnection) -> None:
        async for frame in one:
            await one.send(json.dumps({"ack": json.loads(frame)["id"]}))

    codes = []
    for name, ca in (("127.0.0.1", authority.file), ("other.example.org", authority.file), ("127.0.0.1", "")):
        context = server_context(Tls(*authority.issue(name)))
        [found] = sent(peer, scheme="wss", certificate=context, **_trusting(ca))
        codes.append(found.code if isinstance(found, Fault) else "taken")
    assert codes == ["taken", "E722", "E722"]


def _trusting(ca: str) -> dict[str, Any]:
    return {"timeout": 5.0, "allow": LOOPBACK, **({"tls": Tls(ca=ca)} if ca else {})}


def test_with_pong_the_body_leaves_alone_and_what_the_server_says_is_thrown_away() -> None:
    frames: list[Any] = []

    async def peer(one: ServerConnection) -> None:
        async for frame in one:
            frames.append(frame)
            for _ in range(50):
                await one.send("chatter")

    assert sent(peer, [parcel(1, b"MSH|x\r"), parcel(2, b"\xff")], acknowledge="pong") == [{"pong": True}] * 2
    assert frames == ["MSH|x\r", b"\xff"]


def test_an_address_that_is_not_public_is_not_called() -> None:
    assert [outcome(found) for found in sent(closed, allow=())] == ["E721"]


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({"url": "https://ward.example.org/"}, "E728"), ({"url": "ward.example.org"}, "E728"), ({"url": "wss://a@b/"}, "E720"),
        ({"url": "wss://ward.example.org/", "token": "a\r\nX: y"}, "E728"), ({"url": "wss://a/", "topic": "labs"}, "E728"),
    ],
)  # fmt: skip
def test_what_cannot_be_sent_to_is_told_before_anything_leaves(options: dict[str, Any], code: str) -> None:
    found = asyncio.run(Websocket(**options).open(site()))
    assert isinstance(found, Fault)
    assert found.code == code


def test_it_publishes_a_topic_or_sends_to_a_url() -> None:
    assert Websocket(topic="labs").feeds
    assert not Websocket(url="wss://ward.example.org/").feeds
    for wrong in (Websocket(), Websocket(topic="labs", url="wss://ward.example.org/")):
        assert wrong.feeds
        found = wrong.feed("lab")
        assert isinstance(found, Fault)
        assert found.code == "E762"
