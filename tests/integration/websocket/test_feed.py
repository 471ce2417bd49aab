"""Live feeds on a real server and database: filtered, resumed without gap or repeat, cut when slow (R24; attack 53)."""

from __future__ import annotations

import asyncio
import json
import socket
import struct
import threading
from typing import Any

import psycopg
import pytest
from prometheus_client import REGISTRY
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from adapters.websocket.reader import MOST
from tests.integration.websocket.feed_server import Feed, event, feeding, numbers


def test_a_reader_is_told_what_is_committed_from_now_on_in_order(database: str) -> None:
    async def run() -> None:
        async with feeding(database) as feed:
            feed.publish(event(0))
            async with feed.reader() as peer:
                feed.publish(event(1), event(2, "other"))
                feed.publish(event(3))
                assert await numbers(peer, 2) == [1, 3]

    asyncio.run(run())


def test_filters_narrow_by_patient_channel_type_and_severity(database: str) -> None:
    async def run() -> None:
        async with feeding(database) as feed:
            wanted = "topic=*&patient=1&channel=hospital&type=Observation&severity=high,critical"
            right: dict[str, Any] = {"patient": "Patient/1", "channel": "hospital", "type": "Observation", "severity": "high"}
            others = [{**right, name: "other"} for name in right]
            async with feed.reader(wanted) as peer:
                feed.publish(*(event(n, "labs", **parts) for n, parts in enumerate([*others, right])))
                assert await numbers(peer, 1) == [len(others)]
            async with feed.reader(f"{wanted}&last_event_id=0") as peer:  # the same from the database
                assert await numbers(peer, 1) == [len(others)]

    asyncio.run(run())


def test_a_reader_resumes_without_gap_or_repeat_while_events_go_on(database: str) -> None:
    async def run() -> None:
        async with feeding(database) as feed:
            feed.publish(*(event(n) for n in range(1, 601)))  # three pages
            done = asyncio.Event()

            async def go_on() -> None:
                for n in range(601, 1001, 8):
                    await asyncio.to_thread(feed.publish, *(event(m) for m in range(n, n + 8)))
                done.set()

            task = asyncio.create_task(go_on())
            seen, last = [], 0
            while len(seen) < 1000:  # leaves and comes back after every 90 events
                async with feed.reader(f"topic=labs&last_event_id={last}") as peer:
                    for _ in range(min(90, 1000 - len(seen))):
                        told = json.loads(await asyncio.wait_for(peer.recv(), 30))
                        if "data" in told:
                            seen.append(told["data"]["n"])
                        last = told["event_id"]
            await task
            assert seen == list(range(1, 1001))

    asyncio.run(run())


def test_a_heartbeat_moves_the_place_to_resume_past_events_of_others(database: str) -> None:
    async def run() -> None:
        async with feeding(database, heartbeat=0.2) as feed, feed.reader() as peer:
            feed.publish(*(event(n, "other") for n in range(5)))
            told: dict[str, Any] = {}
            while told.get("event_id") != 5:
                told = json.loads(await asyncio.wait_for(peer.recv(), 30))
                assert told["heartbeat"] is True

    asyncio.run(run())


def test_a_reader_learns_that_what_it_asks_for_is_not_kept_any_more(database: str) -> None:
    async def run() -> None:
        async with feeding(database) as feed:
            feed.publish(*(event(n) for n in range(10)))
            with psycopg.connect(database) as connection:
                connection.execute("delete from journal.feed_event where number <= 4")
            for after, missed in ((2, True), (4, False), (7, False)):
                async with connect(feed.url(f"topic=labs&last_event_id={after}")) as peer:
                    assert json.loads(await peer.recv())["hello"]["missed"] is missed

    asyncio.run(run())


@pytest.mark.parametrize(
    ("query", "headers", "status", "code"),
    [
        ("topic=labs", {"Origin": "http://evil.example"}, 403, "E757"),
        ("topic=labs&token=x", {}, 403, "E756"),
        ("colour=red", {}, 400, "E755"),
        ("topic=labs&last_event_id=99", {}, 409, "E758"),
    ],
)
def test_who_may_not_read_is_told_why_before_the_socket_opens(
    database: str, query: str, headers: dict[str, str], status: int, code: str, caplog: pytest.LogCaptureFixture
) -> None:
    async def run() -> None:
        async with feeding(database) as feed:
            with pytest.raises(InvalidStatus) as caught:
                async with connect(feed.url(query), additional_headers=headers):
                    pass
            assert caught.value.response.status_code == status
            assert json.loads(caught.value.response.body)["code"] == code

    asyncio.run(run())
    told = [one.message for one in caplog.records if one.levelname == "ERROR" and one.thread == threading.get_ident()]
    assert told == []  # to refuse is no mistake of ours


def test_a_page_on_the_list_may_read(database: str) -> None:
    async def run() -> None:
        async with (
            feeding(database, origins=("https://ward.example",)) as feed,
            feed.reader(origin="https://ward.example") as peer,
        ):
            feed.publish(event(1))
            assert await numbers(peer, 1) == [1]

    asyncio.run(run())


def test_a_reader_that_talks_much_or_sends_large_frames_is_closed(database: str) -> None:
    async def run() -> None:
        async with feeding(database) as feed:
            for texts, code in ((["x"] * 200, 1008), (["x" * 100_000], 1009)):
                async with feed.reader() as peer:
                    with pytest.raises(ConnectionClosed) as caught:
                        for text in texts:
                            await peer.send(text)
                        while True:
                            await asyncio.wait_for(peer.recv(), 30)
                    assert caught.value.rcvd is not None
                    assert caught.value.rcvd.code == code

    asyncio.run(run())


async def deaf(feed: Feed, query: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A reader with a tiny window that never reads after its handshake."""
    raw = socket.socket()
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    raw.setblocking(False)
    host, _, port = feed.address.partition(":")
    await asyncio.get_running_loop().sock_connect(raw, (host, int(port)))
    reader, writer = await asyncio.open_connection(sock=raw, limit=1024)
    writer.write(
        f"GET /ws/feed?{query} HTTP/1.1\r\nHost: {feed.address}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
    )
    assert b"101" in await reader.readline()
    writer.transport.pause_reading()
    return reader, writer


async def until_cut(count: float) -> None:
    """Waits until one more reader than before was cut off."""
    for _ in range(2000):
        if dropped() > count:
            return
        await asyncio.sleep(0.01)
    pytest.fail("the slow reader was not cut off")


def dropped() -> float:
    return REGISTRY.get_sample_value("engine_ws_dropped_total") or 0.0


def clients() -> float:
    return REGISTRY.get_sample_value("engine_ws_clients") or 0.0


def test_a_reader_that_never_reads_is_cut_and_the_others_get_every_event(database: str) -> None:
    async def run() -> None:
        async with feeding(database) as feed, feed.reader() as peer:
            before = dropped()
            _, writer = await deaf(feed, "topic=labs")
            while clients() < 2:
                await asyncio.sleep(0.01)
            large, sent = "x" * 20_000, 400  # 8 MB, more than socket buffers and the bound
            reading = asyncio.create_task(numbers(peer, sent))
            for n in range(0, sent, 20):
                await asyncio.to_thread(feed.publish, *(event(m, text=large) for m in range(n, n + 20)))
            assert await reading == list(range(sent))
            await until_cut(before)
            while clients() > 1:
                await asyncio.sleep(0.01)
            writer.transport.abort()

    asyncio.run(run())


def test_a_burst_beyond_the_bound_cuts_nobody_who_reads(database: str) -> None:
    async def run() -> None:
        async with feeding(database) as feed, feed.reader() as peer:
            before, many = dropped(), 3 * MOST
            feed.publish(*(event(n) for n in range(many)))
            assert await numbers(peer, many) == list(range(many))
            assert dropped() == before

    asyncio.run(run())


def test_pings_from_a_peer_that_never_reads_cost_no_memory(database: str) -> None:
    async def run() -> None:
        async with feeding(database) as feed:
            _, writer = await deaf(feed, "topic=labs")
            ping = struct.pack("!BB4s", 0x89, 0x80 | 125, b"\0\0\0\0") + b"p" * 125
            for _ in range(200):  # 2.6 MB of pings
                writer.write(ping * 100)
                await writer.drain()
            assert feed.held() < 200_000
            async with feed.reader() as peer:
                feed.publish(event(1))
                assert await numbers(peer, 1) == [1]
            writer.transport.abort()

    asyncio.run(run())
