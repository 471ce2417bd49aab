"""A far side that breaks off, or does not answer in time: whether it was taken is unknown."""

from __future__ import annotations

import asyncio

import pytest

from adapters.safe_http import Line, Origin, Way, line
from engine.fault import Fault, Kind


@pytest.mark.parametrize("speaks", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf", b"nonsense\r\n\r\n", None])
def test_an_answer_that_breaks_off_or_never_comes_is_unknown(speaks: bytes | None) -> None:
    gone = asyncio.Event()

    async def far(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        if speaks is None:
            await reader.read()
        else:
            writer.write(speaks)
        writer.close()
        gone.set()

    async def main() -> object:
        server = await asyncio.start_server(far, "127.0.0.1", 0)
        way = Way(timeout=2.0 if speaks is None else 20.0, allow=("127.0.0.0/8",))
        made = line(Origin("http", "127.0.0.1", server.sockets[0].getsockname()[1]), way)
        assert isinstance(made, Line)
        found = await made.ask("GET", "/", {})
        await made.close()
        await asyncio.wait_for(gone.wait(), 20)
        server.close()
        await asyncio.sleep(0)  # the transport closes in the loop's next round
        return found

    found = asyncio.run(main())
    assert isinstance(found, Fault)
    assert (found.code, found.kind) == ("E723", Kind.INTERRUPTED)
