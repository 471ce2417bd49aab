"""Sends HL7 v2 messages over MLLP and trusts only the answer to the message it sent.

One message is in flight on a connection. An answer counts when its MSA-2 is the control id that was sent; others are thrown
away. After a time-out, or an answer that makes no sense, the connection is closed, so that a late answer can never be taken
for the next one.

    answer                       outcome
    AA, CA                       Reply
    none, where none was wanted  Reply without a code
    AE, CE                       E138, no retry: the content is refused
    AR, CR                       E139, may be sent again
    none in time, or cut off     E148, may be sent again: the outcome is unknown
    no MSA, not HL7, too large   E149, may be sent again
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass

from adapters.hl7v2.asking import asking, is_silent
from adapters.hl7v2.framing import Frame, Framer, wrap
from adapters.hl7v2.header import Header, read_header
from engine.fault import Fault, Kind

SILENCE = 2.0  # seconds in which a receiver that is to answer refusals only would have refused
MAX_ANSWER = 1024 * 1024
_GOOD, _WRONG, _REFUSED = ("AA", "CA"), ("AE", "CE"), ("AR", "CR")


@dataclass(frozen=True, slots=True)
class Reply:
    """A good answer. `code` is MSA-1; `body` the whole acknowledgement as it came."""

    code: str
    control_id: str
    body: bytes


class Link:
    """One connection to a receiver, opened when needed and kept."""

    def __init__(
        self, host: str, port: int, tls: ssl.SSLContext | None = None, name: str = "", connect_timeout: float = 10.0
    ) -> None:
        self._host, self._port, self._tls = host, port, tls
        self._name = name  # the name expected in the certificate, where it is not the host
        self._connect_timeout = connect_timeout
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None
        self._framer = Framer(MAX_ANSWER)
        self.discarded = 0  # answers that were not for the message in flight

    async def ask(
        self, message: bytes, timeout: float = 30.0, application: bool = False, unchanged: bool = False
    ) -> Reply | Fault:
        """Sends a message and waits for its answer; with `application`, after CA for the application's answer, too.

        An acknowledgement is always asked for, whatever the message says, unless it is to leave `unchanged`: then silence is the answer
        (a Reply without code) where the message wants none for what is taken.
        """
        header = read_header(message)
        if isinstance(header, Fault):
            return header
        if not header.raw(10):
            return Fault(Kind.INCORRECT, "E129", "a message without MSH-10 cannot be sent: no answer could be matched", "MSH-10")
        silent = unchanged and is_silent(header)
        body = message if unchanged else asking(message, header, application)
        opened = await self._open()
        if opened is not None:
            return opened
        try:
            async with asyncio.timeout(min(timeout, SILENCE) if silent else timeout):
                return await self._exchange(wrap(body), header, application)
        except TimeoutError:
            if silent:
                await self.close()
                return Reply("", header.raw(10), b"")
            return await self._broken("E148", "no answer came in time")
        except (OSError, RuntimeError) as error:  # uvloop tells of a closed transport by a RuntimeError
            return await self._broken("E148", f"the connection broke before the answer ({type(error).__name__})")
        except asyncio.CancelledError:  # whoever asked has given up: what still comes is nobody's answer
            self._abort()
            raise

    def _abort(self) -> None:
        writer, self._writer, self._reader = self._writer, None, None
        if writer is not None:
            writer.transport.abort()

    async def close(self) -> None:
        """Closes the connection."""
        writer, self._writer, self._reader = self._writer, None, None
        if writer is not None:
            writer.close()
            with contextlib.suppress(OSError, TimeoutError, ssl.SSLError):
                await asyncio.wait_for(writer.wait_closed(), 2)

    async def _open(self) -> Fault | None:
        await self._probe()
        if self._writer is not None:
            return None
        self._framer = Framer(MAX_ANSWER)
        try:
            async with asyncio.timeout(self._connect_timeout):
                self._reader, self._writer = await asyncio.open_connection(
                    self._host, self._port, ssl=self._tls, server_hostname=(self._name or self._host) if self._tls else None
                )
        except (OSError, TimeoutError) as error:
            reason = (
                type(error).__name__ if isinstance(error, ssl.SSLError | TimeoutError) else error.strerror or type(error).__name__
            )
            return Fault(
                Kind.UNAVAILABLE,
                "E109",
                f"cannot connect: {reason}",
                f"{self._host}:{self._port}",
                "Is the receiver there, and is it its port?",
            )
        return None

    async def _probe(self) -> None:
        """Finds out whether the far side has closed, and throws away what it said unasked."""
        if self._reader is None or self._writer is None:
            return
        with contextlib.suppress(TimeoutError, OSError):
            async with asyncio.timeout(0):  # what lies on the socket is read, nothing is waited for
                while data := await self._reader.read(65536):
                    self.discarded += len(self._framer.feed(data))
        if self._reader.at_eof() or self._writer.is_closing() or self._framer.open:
            await self.close()

    async def _exchange(self, block: bytes, header: Header, application: bool) -> Reply | Fault:
        reader, writer = self._reader, self._writer
        assert reader is not None and writer is not None
        writer.write(block)
        await writer.drain()
        wanted, accepted = header.raw(10).strip(), None
        while True:
            data = await reader.read(65536)
            if not data:
                if accepted:
                    await self.close()
                    return accepted
                return await self._broken("E148", "the receiver closed the connection without an answer")
            for item in self._framer.feed(data):
                if not isinstance(item, Frame):
                    if item.fatal:
                        return await self._broken("E149", "the answer is too large or no MLLP block")
                    continue
                found = read_answer(item.body, wanted)
                if found is None:
                    self.discarded += 1
                    continue
                if isinstance(found, Fault) and found.code == "E149":
                    await self.close()
                if application and isinstance(found, Reply) and found.code == "CA":
                    accepted = found
                    continue
                return found

    async def _broken(self, code: str, text: str) -> Fault:
        await self.close()
        return Fault(
            Kind.INTERRUPTED,
            code,
            text,
            f"{self._host}:{self._port}",
            "Whether it was taken is unknown; it is sent again as it is.",
        )


def read_answer(body: bytes, wanted: str) -> Reply | Fault | None:
    """What an acknowledgement says of the message `wanted` (MSH-10 as it was sent, read as Latin-1); None when it is for
    another one.
    """
    header = read_header(body)
    if isinstance(header, Fault):
        return _senseless("the answer is no HL7 message")
    mark = header.marks.field
    line = next((line for line in body.decode("latin-1").replace("\n", "\r").split("\r") if line.startswith("MSA" + mark)), None)
    if line is None:
        return _senseless("the answer has no MSA segment")
    _, code, control_id, *_ = (*line.split(mark), "", "")
    if not control_id.strip():
        return _senseless("the answer does not say which message it is for")
    if control_id.strip() != wanted:
        return None
    code = code.strip()
    if code in _GOOD:
        return Reply(code, wanted, body)
    if code in _WRONG:
        return Fault(
            Kind.INCORRECT,
            "E138",
            f"the receiver answered {code}: it does not accept the content",
            "MSA-1",
            "See its ERR segment.",
        )
    if code in _REFUSED:
        return Fault(
            Kind.UNAVAILABLE,
            "E139",
            f"the receiver answered {code}: it could not take the message",
            "MSA-1",
            "It may be sent again.",
        )
    return _senseless("the answer's code is none of table 0008")


async def send(
    host: str, port: int, messages: Iterable[bytes], *, timeout: float = 30.0, tls: ssl.SSLContext | None = None, name: str = ""
) -> AsyncIterator[Reply | Fault]:
    """Sends messages as they are, one after the other over one connection; gives what became of each, in order."""
    link = Link(host, port, tls, name)
    try:
        for message in messages:
            yield await link.ask(message, timeout, unchanged=True)
    finally:
        await link.close()


def _senseless(text: str) -> Fault:
    return Fault(Kind.INTERRUPTED, "E149", text, "MSA", "Whether it was taken is unknown; it is sent again as it is.")
