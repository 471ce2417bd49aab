"""Sockets of Subscriptions: `bind ID` is answered `bound ID`, and each event is a `ping ID` (R4); `bind-with-token TOKEN` is answered
by a handshake for each Subscription, and events are notifications (R5 backport).

A socket reads its events from the log by number, in order, when it can take them: nothing is
buffered for it. What happened while nobody was bound is not told; the numbers show it, and `$events` gives it.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from engine.fault import Fault, Kind
from engine.origins import origin
from fhir import encode
from fhir.subscribe.asked import XML_TYPE
from fhir.subscribe.bundle import Event, State, notification
from fhir.subscribe.desk import Known
from fhir.subscribe.hub import Hub
from fhir.subscribe.parcels import written
from fhir.subscribe.past import events
from fhir.subscribe.token import read

PATH = "websocket"
SOCKETS, BOUND, FRAMES = 1000, 100, 1000  # sockets, Subscriptions of one, frames that one may send
SLOW = 30.0  # seconds that a frame may take
WORDS = re.compile(r"(bind|bind-with-token) +(?:Subscription/)?([A-Za-z0-9\-._=]{1,8000})")
Send = Callable[[str], Awaitable[None]]
CHATTY = Fault(Kind.INCORRECT, "E598", "a socket says `bind ID` or `bind-with-token TOKEN`, and not much else")
UNKNOWN = Fault(
    Kind.NOT_FOUND,
    "E597",
    "nothing to bind to",
    "",
    "an active Subscription of the channel websocket, by id; one by topic by token",
)
FULL = Fault(Kind.BUSY, "E599", f"this server serves {SOCKETS} sockets, and has as many", help="try again later")


@dataclass(slots=True)
class Bound:
    """A Subscription that a socket is told of; `position` is the number of the last event told."""

    known: Known
    position: int
    told: float  # when something was last sent


class Socket:
    """One socket: what it is bound to, and how far it has been told."""

    def __init__(self, hub: Hub, send: Send) -> None:
        self.hub, self._send = hub, send
        self.bound: dict[int, Bound] = {}
        self.ended = asyncio.Event()
        self._held: dict[int, tuple[str, int]] = {}
        self._news = asyncio.Event()

    def hear(self, held: dict[int, tuple[str, int]]) -> None:
        """How far its Subscriptions have come."""
        self._held = held
        now = time.monotonic()
        for num, one in self.bound.items():
            one.known = self.hub.desk.by_num.get(num, one.known)  # it may ask for something else by now
            state, count = held.get(num, ("gone", 0))
            beat = one.known.asked.heartbeat
            if count > one.position or state not in ("active", "error") or (beat and now - one.told >= beat):
                self._news.set()

    async def take(self, text: str) -> Fault | None:
        """Does what a frame says."""
        found = WORDS.fullmatch(text.strip())
        if found is None:
            return CHATTY
        known = self.known(found[1], found[2])
        if not known:
            await self.hub.reread()  # it may have been made a moment ago, or by another process
            known = self.known(found[1], found[2])
        held = await self.hub.counts(tuple(one.num for one in known))
        known = [one for one in known if held.get(one.num, ("", 0))[0] == "active"]
        if not known or len(self.bound) + len(known) > BOUND:
            return UNKNOWN
        for one in known:
            await self.bind(one, held[one.num][1])
        return None

    def known(self, word: str, name: str) -> list[Known]:
        """The Subscriptions by websocket that a frame names."""
        all_ = [one for one in self.hub.desk.by_num.values() if one.asked.channel == "websocket"]
        if word == "bind":
            return [one for one in all_ if one.asked.id == name and one.asked.topic is None]
        nums = read(self.hub.desk.key, name, self.hub.desk.site.now()) or ()
        return [one for one in all_ if one.num in nums]

    async def bind(self, one: Known, count: int) -> None:
        """Answers, and tells of what comes after."""
        if one.asked.topic is None:
            await self.say(f"bound {one.asked.id}")
        else:
            await self.say(self.text(one, "handshake", count, []))
        self.bound[one.num] = Bound(one, count, time.monotonic())

    async def tell(self) -> None:
        """Tells what happens, until it is cancelled; returns when it is bound to nothing that goes on."""
        while True:
            await self._news.wait()
            self._news.clear()
            for num, one in list(self.bound.items()):
                state, count = self._held.get(num, ("active", one.position))
                if state not in ("active", "error"):
                    del self.bound[num]
                elif count > one.position:
                    await self.catch_up(one, count)
                elif one.known.asked.heartbeat and time.monotonic() - one.told >= one.known.asked.heartbeat:
                    await self.say(self.text(one.known, "heartbeat", one.position, []))
                    one.told = time.monotonic()
            if not self.bound:
                return

    async def catch_up(self, one: Bound, count: int) -> None:
        """Tells the events up to the newest."""
        asked = one.known.asked
        while one.position < count:
            async with self.hub.pool.connection() as connection:
                found = await events(connection, one.known.num, one.position + 1, count, asked.content == "full-resource")
            if not found:
                one.position = count  # older than what is kept
                return
            size = asked.group if asked.topic is not None else 1
            for start in range(0, len(found), size):
                group = found[start : start + size]
                await self.say(self.text(one.known, "event-notification", group[-1].number, group))
                one.position, one.told = group[-1].number, time.monotonic()

    def text(self, one: Known, kind: str, count: int, group: list[Event]) -> str:
        """A frame: a ping, or a notification."""
        asked = one.asked
        if asked.topic is None:
            return f"ping {asked.id}"
        state = State(one.num, asked.id, one.base, asked.topic.url, "active", count)
        bundle = notification(state, kind, self.hub.desk.site.now(), group, asked.content)
        return written(bundle, asked.media)[0].decode() if asked.media == XML_TYPE else encode.dumps(bundle).decode()

    async def say(self, text: str) -> None:
        """Sends a frame; a peer that does not take it is given up."""
        await asyncio.wait_for(self._send(text), SLOW)


async def serve(hub: Hub, scope: Any, receive: Any, send: Any) -> None:
    """The life of one socket."""
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
    if (await receive())["type"] != "websocket.connect":
        return
    refused = origin(headers, hub.desk.site.settings.get("origins", ())) or (FULL if len(hub.sockets) >= SOCKETS else None)
    if refused is not None:
        await send({"type": "websocket.close", "code": 1008, "reason": refused.code})
        return
    await send({"type": "websocket.accept"})

    async def out(text: str) -> None:
        await send({"type": "websocket.send", "text": text})

    socket = Socket(hub, out)
    hub.join(socket)
    tasks = [asyncio.create_task(work) for work in (listen(socket, receive), socket.tell(), socket.ended.wait())]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        hub.sockets.discard(socket)
        for task in tasks:
            task.cancel()
        results = await asyncio.gather(*tasks, return_exceptions=True)
        await close(scope, send, results, socket.ended.is_set())


async def listen(socket: Socket, receive: Any) -> Fault | None:
    """Takes what the peer says; returns when it has gone, or why it must."""
    for _ in range(FRAMES):
        message = await receive()
        if message["type"] == "websocket.disconnect":
            return None
        refused = await socket.take(message.get("text") or "")
        if refused is not None:
            return refused
    return CHATTY


async def close(scope: Any, send: Any, results: list[Any], ending: bool) -> None:
    """Says why, if the socket still takes it, and lets go of it."""
    fault = next((one for one in results if isinstance(one, Fault)), None)
    broken = any(isinstance(one, Exception) for one in results)
    code = 1012 if ending else 1008 if fault is not None else 1013 if broken else 1000
    reason = f"{fault.code} {fault.text}"[:120] if fault is not None else ""
    with contextlib.suppress(Exception):  # too late, or the other side has gone
        await asyncio.wait_for(send({"type": "websocket.close", "code": code, "reason": reason}), 1.0)
    abort = scope.get("state", {}).get("abort")
    if broken and abort is not None:
        abort()
