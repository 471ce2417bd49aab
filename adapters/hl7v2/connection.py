"""One MLLP connection: bytes to blocks, blocks to the intake, answers back, all in the order they came.

Blocks that arrive together are stored together; their answers follow one by one, each in one write. While they are being
stored, or the engine asks for patience, or the sender does not read its answers, reading pauses. A time limit runs from the
first byte of a block to its last, not from byte to byte.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
from collections import deque
from typing import TYPE_CHECKING, Any

from adapters.hl7v2.counted import answered
from adapters.hl7v2.exchange import handle
from adapters.hl7v2.framing import Frame, Framer, FramingFault, wrap
from adapters.hl7v2.ledger import Entry, tell
from adapters.safe_tls import names_of
from engine.fault import Fault, Kind

if TYPE_CHECKING:
    from adapters.hl7v2.server import Listener

MAX_QUEUED = 64  # blocks of one connection waiting to be stored
MAX_QUEUED_BYTES = 1024 * 1024
LINGER = 5.0  # seconds in which a sender that is being turned away may still read its answer
FAIR_SHARE = 1024 * 1024  # a block smaller than this is never cut off for want of memory
IDLE_FS = 0.25  # seconds after which an FS without its CR ends a block

_BUSY = Fault(
    Kind.BUSY, "E100", "too much is being received at once", help="Send it again later, or raise `max_memory` of the source."
)


class Connection(asyncio.Protocol):
    """The protocol object of one connection."""

    def __init__(self, listener: Listener) -> None:
        self.listener = listener
        self.rules = listener.rules
        self.framer = Framer(listener.options.max_frame)
        self.entry = Entry("", listener.site.now())
        self.task: asyncio.Task[None] | None = None
        self._transport: Any = None
        self._host = ""
        self.names: tuple[str, ...] = ()
        self._queue: deque[Frame | FramingFault] = deque()
        self._queued = 0
        self._whole = 0  # bytes of blocks that have come and are not answered yet
        self._wake: asyncio.Future[None] | None = None
        self._writable = asyncio.Event()
        self._writable.set()
        self._deadline: asyncio.TimerHandle | None = None
        self._idle: asyncio.TimerHandle | None = None
        self._flush: asyncio.TimerHandle | None = None
        self._over = self._ended = self._turned_away = self._reading_paused = self._draining = False

    # --- asyncio's side ---

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        name = transport.get_extra_info("peername") or ("", 0)
        self._host, self.entry.peer = str(name[0]), f"{name[0]}:{name[1]}"
        self.names = names_of(transport.get_extra_info("peercert"))
        refusal = self.listener.admit(self, self._host, self.names)
        if refusal:
            self._turned_away = True
            tell("a connection was refused", logging.WARNING, address=self._host, reason=refusal, channel=self.rules.channel)
            self._transport.abort()
            return
        _keep_alive(transport.get_extra_info("socket"))
        self.task = asyncio.get_running_loop().create_task(self._work())
        self._watch_idle()

    def data_received(self, data: bytes) -> None:
        self.entry.bytes_in += len(data)
        found = self.framer.feed(data)
        if self.framer.open or self.entry.partial or self._deadline:
            self._time(bool(found))
        if self.entry.partial > FAIR_SHARE and self.listener.ledger.held > self.listener.options.max_memory:
            found.append(self.framer.stop(_BUSY))
            self._weigh()
        if found:
            self._take(found)

    def eof_received(self) -> bool:
        self._take(self.framer.flush())
        self._ended = True
        self._stir()
        return self._transport.get_extra_info("sslcontext") is None  # our answers can still be written

    def connection_lost(self, exc: Exception | None) -> None:
        self._ended = True
        self._writable.set()
        for timer in (self._deadline, self._idle, self._flush):
            if timer:
                timer.cancel()
        if not self._turned_away:
            self._take(self.framer.flush())
        if self.framer.open:
            self.note("E104", "a connection ended within a block")
        self.listener.ledger.held -= self.entry.partial
        self.listener.forget(self, self._host)
        self._stir()

    def pause_writing(self) -> None:
        self._writable.clear()

    def resume_writing(self) -> None:
        self._writable.set()

    def drain(self) -> None:
        """Takes no further block; what has come is finished, answered, and the connection closed."""
        self._draining = True
        if not self.framer.open and self.task is not None and not self._transport.is_closing():
            self._transport.pause_reading()
        self._stir()

    def abort(self) -> None:
        """Closes at once."""
        if self._transport is not None:
            self._transport.abort()

    def _weigh(self) -> None:
        """Keeps the listener's account of what blocks that are still coming hold in memory."""
        size = self.framer.size
        self.listener.ledger.held += size - self.entry.partial
        self.entry.partial = size

    # --- time ---

    def _time(self, moved: bool) -> None:
        """Starts the time limit when a block begins, stops it when it is whole."""
        framer, loop = self.framer, self.listener.loop
        self._weigh()
        if self._flush:
            self._flush.cancel()
            self._flush = None
        if not framer.open:
            if self._deadline:
                self._deadline.cancel()
                self._deadline = None
            return
        if self._deadline is None or moved:
            if self._deadline:
                self._deadline.cancel()
            self._deadline = loop.call_later(self.listener.options.frame_timeout, self._too_slow)
        if framer.awaiting_cr:
            self._flush = loop.call_later(IDLE_FS, self._end_of_block)

    def _end_of_block(self) -> None:
        self._flush = None
        self._take(self.framer.flush())
        self._time(moved=True)

    def _too_slow(self) -> None:
        self.note("E104", "a block did not end in time")
        self.abort()

    def _watch_idle(self) -> None:
        limit = self.listener.options.idle_timeout
        if limit:
            self._idle = self.listener.loop.call_later(limit, self._was_idle, self.entry.bytes_in)

    def _was_idle(self, before: int) -> None:
        if self.entry.bytes_in == before and not self._queue and not self.framer.open:
            tell("an idle connection was closed", address=self._host, channel=self.rules.channel)
            self._transport.close()
            return
        self._watch_idle()

    # --- blocks ---

    def _take(self, found: list[Frame | FramingFault]) -> None:
        if not found or self._over:
            return
        size = sum(len(item.body) if isinstance(item, Frame) else len(item.part) for item in found)
        self._queue += found
        self._queued += size
        self._hold(size)
        if (len(self._queue) >= MAX_QUEUED or self._queued >= MAX_QUEUED_BYTES) and not self._reading_paused:
            self._pause()
        self._stir()

    def _hold(self, size: int) -> None:
        """Blocks that wait to be stored are in memory, too, as are those that are being stored."""
        self._whole += size
        self.listener.ledger.held += size

    def _pause(self) -> None:
        if not self._transport.is_closing():
            self._transport.pause_reading()
            self._reading_paused = True

    def _resume(self) -> None:
        if self._reading_paused and not self._transport.is_closing() and not (self._draining and not self.framer.open):
            self._transport.resume_reading()
        self._reading_paused = False

    def _stir(self) -> None:
        if self._wake is not None and not self._wake.done():
            self._wake.set_result(None)

    async def _work(self) -> None:
        try:
            while await self._next():
                await self.listener.intake.ready()
                items, size = list(self._queue), self._queued
                self._queue.clear()
                self._queued = 0
                if not await handle(self, items):
                    break
                self._hold(-size)
                self._resume()
            if not self._turned_away:
                self._transport.close()
        except Exception as error:  # a defect must cost one connection, not the listener
            tell(
                "a connection failed", logging.ERROR, reason=type(error).__name__, channel=self.rules.channel, address=self._host
            )
            self.abort()
        finally:
            self._over = True
            self._hold(-self._whole)

    async def _next(self) -> bool:
        """Waits for something to do; False when nothing can come any more."""
        while not self._queue:
            if self._ended or (self._draining and not self.framer.open):
                return False
            self._wake = self.listener.loop.create_future()
            await self._wake
        return True

    async def send(self, answer: bytes) -> None:
        if self._transport.is_closing():
            return
        self._transport.write(wrap(answer))
        self.entry.answers += 1
        self.listener.ledger.answers += 1
        answered(self.rules.channel, answer)
        if not self._writable.is_set():
            try:
                await asyncio.wait_for(self._writable.wait(), self.listener.options.write_timeout)
            except TimeoutError:
                self.note("E105", "a sender did not read its answers")
                self.abort()

    async def linger(self) -> None:
        """Reads on and throws away, so that closing does not destroy the answer on its way."""
        if self._reading_paused:
            self._resume()
        with contextlib.suppress(OSError, RuntimeError, NotImplementedError):
            self._transport.write_eof()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LINGER):
                while not self._ended:
                    self._wake = self.listener.loop.create_future()
                    await self._wake

    def give_up(self, code: str) -> bool:
        self.note(code, "a message could not be answered")
        self.abort()
        return False

    def note(self, code: str, event: str, place: str = "") -> None:
        self.entry.errors += 1
        self.entry.last_error = code
        self.listener.ledger.errors += 1
        tell(event, logging.WARNING, code=code, address=self._host, channel=self.rules.channel, place=place)


def _keep_alive(sock: Any) -> None:
    if sock is None or sock.family not in (socket.AF_INET, socket.AF_INET6):
        return
    with contextlib.suppress(OSError):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for name, value in (("TCP_KEEPIDLE", 60), ("TCP_KEEPINTVL", 10), ("TCP_KEEPCNT", 6)):
            if hasattr(socket, name):
                sock.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
