"""The far sides of benchmarks/deliver.py in a process of their own: an MLLP receiver, a webhook, a reader of the live feed.

Each notes when which report arrived, whole: a message with its ten results, a Bundle with its ten Observations, an event that names
its message. Prints `ready MLLP_PORT HTTP_PORT`; takes `feed URL` and `end` on standard input, and answers `end`
with one JSON line: {destination: {report: wall-clock seconds}}. A destination named by --hole takes everything and never answers.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import re
import sys
import time
from typing import Any

from websockets.asyncio.client import connect

try:
    from uvloop import run
except ImportError:
    from asyncio import run

REPORT = re.compile(rb"B\d{8}")
LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)
RESULTS = 10
arrived: dict[str, dict[str, float]] = {"mllp": {}, "hook": {}, "feed": {}}


def note(name: str, text: bytes, result: bytes) -> None:
    """A report has arrived; one without its ten results ends the benchmark."""
    found = REPORT.search(text)
    if found is None or text.count(result) != RESULTS:
        print("a report is not whole", file=sys.stderr, flush=True)
        os._exit(1)
    arrived[name].setdefault(found[0].decode(), time.time())


class Receiver(asyncio.Protocol):
    """A connection; a `hole` takes everything and never answers."""

    def __init__(self, hole: bool) -> None:
        self.hole, self.buffer = hole, b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport: Any = transport


class Mllp(Receiver):
    """Accepts every message."""

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        while b"\x1c\r" in self.buffer and not self.hole:
            block, _, self.buffer = self.buffer.partition(b"\x1c\r")
            note("mllp", block[block.find(b"\rOBR") :], b"\rOBX|")
            head = block.split(b"|", 10)
            self.transport.write(b"\x0bMSH|^~\\&|F|F|I|I|20260302||ACK|1|P|2.5.1\rMSA|AA|" + head[9] + b"\r\x1c\r")


class Hook(Receiver):
    """Answers every POST with 204."""

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        while b"\r\n\r\n" in self.buffer and not self.hole:
            head, _, rest = self.buffer.partition(b"\r\n\r\n")
            length = int(LENGTH.search(head)[1])  # type: ignore[index]
            if len(rest) < length:
                return
            note("hook", rest[:length], b'"resourceType":"Observation"')
            self.buffer = rest[length:]
            self.transport.write(b"HTTP/1.1 204 No Content\r\n\r\n")


async def follow(url: str) -> None:
    """Reads the feed; an event names its message, whose report the benchmark looks up."""
    async with connect(url, max_size=1 << 20) as feed:
        async for frame in feed:
            event = json.loads(frame)
            if "data" in event:
                arrived["feed"].setdefault(event["data"]["message"], time.time())


async def main(hole: str) -> None:
    loop = asyncio.get_running_loop()
    mllp = await loop.create_server(lambda: Mllp(hole == "mllp"), "127.0.0.1", 0)
    hook = await loop.create_server(lambda: Hook(hole == "hook"), "127.0.0.1", 0)
    print("ready", mllp.sockets[0].getsockname()[1], hook.sockets[0].getsockname()[1], flush=True)
    readers = []
    while line := (await asyncio.to_thread(sys.stdin.readline)).split():
        if line[0] == "feed":
            readers.append(asyncio.create_task(follow(line[1])))
        elif line[0] == "count":
            print(json.dumps({name: len(found) for name, found in arrived.items()}), flush=True)
        elif line[0] == "end":
            print(json.dumps(arrived), flush=True)
            return


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--hole", default="")
    run(main(parser.parse_args().hole))
