"""One connection to an HTTP server believes only what is the answer to its request (RFC 9112)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.http_connection import HEADERS, Answer, Broken, Connection, connect, request

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nyo"


@asynccontextmanager
async def server(parts: Sequence[bytes], then_close: bool = False) -> AsyncIterator[int]:
    """A server that answers its one caller with these parts; its port."""
    over = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            await reader.readuntil(b"\r\n\r\n")
            for part in parts:
                writer.write(part)
                await writer.drain()
                await asyncio.sleep(0)
            if not then_close:
                await reader.read()  # until the other side goes
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()
        over.set()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as listening:
        yield listening.sockets[0].getsockname()[1]
        await asyncio.wait_for(over.wait(), 5)


async def told(parts: Sequence[bytes], then_close: bool, limit: int) -> tuple[Answer | str, bool]:
    """What a connection makes of an answer that comes in these parts, and whether it can be used again."""
    async with server(parts, then_close) as port:
        far = await connect("127.0.0.1", port, limit)
        found: Answer | str
        try:
            found = await asyncio.wait_for(far.ask(request("GET", "/", "x", {}, b"")), 5)
        except Broken as error:
            found = str(error)
        await asyncio.sleep(0.01)
        kept = far.open
        far.close()
    return found, kept


def one(parts: Sequence[bytes], then_close: bool = False, limit: int = 1000) -> tuple[Answer | str, bool]:
    return asyncio.run(told(parts, then_close, limit))


@settings(max_examples=25, deadline=None)
@given(st.data())
def test_an_answer_is_the_same_however_it_is_cut(data: st.DataObject) -> None:
    whole = (
        b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
        b'HTTP/1.1 201 Created\r\nETag: W/"1"\r\nVia: a\r\nvia: b\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n'
    )
    cuts = sorted(data.draw(st.sets(st.integers(1, len(whole) - 1), max_size=8)))
    parts = [whole[start:end] for start, end in zip([0, *cuts], [*cuts, len(whole)], strict=True)]
    answer, kept = one(parts)
    assert answer == Answer(201, {"etag": 'W/"1"', "via": "a, b", "transfer-encoding": "chunked"}, b"abcde")
    assert kept


def test_a_body_without_a_length_ends_with_the_connection() -> None:
    assert one([b"HTTP/1.1 200 OK\r\n\r\nall", b" of it"], then_close=True) == (Answer(200, {}, b"all of it"), False)


def test_a_body_beyond_the_limit_is_cut_and_the_connection_closed() -> None:
    answer, kept = one([b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n" + b"x" * 3000], limit=100)
    assert isinstance(answer, Answer)
    assert (answer.body, answer.whole, kept) == (b"x" * 100, False, False)


@pytest.mark.parametrize(
    ("parts", "then_close"),
    [
        ([], True),
        ([b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc"], True),
        ([b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n"], True),
        ([b"MSH|^~\\&|not HTTP\r"], False),
        ([b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n"], False),
        ([b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * (HEADERS // 5)], False),
        ([b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nyo!"], False),
    ],
)
def test_what_is_no_whole_answer_breaks_the_connection(parts: list[bytes], then_close: bool) -> None:
    answer, kept = one(parts, then_close)
    assert isinstance(answer, str)
    assert not kept


@pytest.mark.parametrize("parts", [[OK + OK], [OK, b"unasked"], [OK.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")]])
def test_after_an_answer_with_anything_behind_it_the_connection_is_not_used_again(parts: list[bytes]) -> None:
    answer, kept = one(parts)
    assert isinstance(answer, Answer)
    assert (answer.body, kept) == (b"yo", False)


def test_a_request_that_is_given_up_takes_its_connection_with_it() -> None:
    async def main() -> bool:
        async with server([]) as port:
            far = await connect("127.0.0.1", port, 10)
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(far.ask(request("GET", "/", "x", {}, b"")), 0.02)
            return far.open

    assert not asyncio.run(main())


def test_a_request_is_what_was_asked_with_what_it_lacks() -> None:
    sent = request("POST", "/a?b=c", "ehr.example.org", {"accept": "x/y", "Authorization": "Bearer t"}, b"body")
    head, _, body = sent.partition(b"\r\n\r\n")
    first, *lines = head.split(b"\r\n")
    assert (first, body) == (b"POST /a?b=c HTTP/1.1", b"body")
    assert sorted(lines) == [
        b"Accept-Encoding: identity", b"Authorization: Bearer t", b"Content-Length: 4", b"Host: ehr.example.org",
        b"User-Agent: isthmus", b"accept: x/y",
    ]  # fmt: skip
    assert b"Content-Length: 0" in request("POST", "/", "x", {}, b"")


@pytest.mark.parametrize(
    ("name", "value"), [("X", "a\r\nY: b"), ("X", "a\nb"), ("X\r\nY", "b"), ("X", "a\0"), ("X y", "b"), ("", "b"), ("X", "ä")]
)
def test_a_header_that_would_break_out_of_its_line_is_not_sent(name: str, value: str) -> None:
    with pytest.raises(ValueError):
        request("GET", "/", "x", {name: value}, b"")


def test_a_closed_connection_answers_nobody() -> None:
    assert not Connection(10).open
