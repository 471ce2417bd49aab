"""The worker process: reads requests from its standard input, forms batches of what is there, answers on its standard output.

It ends when its input does, so it never outlives the engine. Whatever a request makes fail is that request's fault.
"""

from __future__ import annotations

import os
import select
import sys
from collections.abc import Sequence
from pathlib import Path

import msgspec

from engine.fault import Fault, Kind
from inference.serve import backend, wire

GATHER = 0.002  # s to wait for more once a request is there
MOST = 32


class Pipe:
    """Frames from a file descriptor."""

    def __init__(self, fd: int) -> None:
        self.fd = fd
        self.held = bytearray()

    def waiting(self, seconds: float) -> bool:
        """Whether more bytes come within this time."""
        return bool(select.select([self.fd], [], [], seconds)[0])

    def whole(self) -> bytes | None:
        """The next frame if it is all there."""
        if len(self.held) < 4:
            return None
        length = int.from_bytes(self.held[:4], "little")
        if length > wire.MAX_FRAME:
            raise EOFError
        if len(self.held) < 4 + length:
            return None
        body = bytes(self.held[4 : 4 + length])
        del self.held[: 4 + length]
        return body

    def fill(self) -> None:
        """Reads what is there; EOFError when the other side has closed."""
        piece = os.read(self.fd, 1 << 20)
        if not piece:
            raise EOFError
        self.held += piece

    def batch(self) -> list[bytes]:
        """One frame or more: waits for the first, then a moment for others."""
        frames: list[bytes] = []
        while len(frames) < MOST:
            body = self.whole()
            if body is not None:
                frames.append(body)
            elif not frames or self.waiting(GATHER):
                self.fill()
            else:
                break
        return frames


def answers(computing: backend.Backend, asked: Sequence[wire.Ask]) -> list[wire.Answer]:
    """The batch's answers; when it fails as a whole, each request is tried by itself, so that only the bad one fails."""
    try:
        return computing.answer(asked)
    except Exception as error:  # the worker must live
        if len(asked) > 1:
            return [one for ask in asked for one in answers(computing, [ask])]
        fault = Fault(Kind.FAULT, "E829", f"the model failed on this recording ({type(error).__name__})")
        return [backend.told(asked[0].id, fault)]


def serve(computing: backend.Backend, pipe: Pipe, out: int) -> None:
    """Answers until the input ends."""
    while True:
        asked = []
        for body in pipe.batch():
            try:
                asked.append(wire.ask.decode(body))
            except msgspec.DecodeError:
                return
        write(out, b"".join(wire.frame(one) for one in answers(computing, asked)))


def write(fd: int, data: bytes) -> None:
    """All of it."""
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]


def main(arguments: Sequence[str]) -> None:
    """`worker own FOLDER THREADS` or `worker ecgfm CHECKPOINT THREADS [SHA256]`."""
    out = os.dup(1)
    os.dup2(2, 1)  # whatever a library prints must not reach the wire
    kind, path, threads = arguments[0], Path(arguments[1]), int(arguments[2])
    digest = arguments[3] if len(arguments) > 3 else ""
    computing = backend.own(path, threads) if kind == "own" else backend.ecgfm(path, digest, threads)
    if isinstance(computing, Fault):
        row = [computing.kind.value, computing.code, computing.text, computing.at, computing.help]
        write(out, wire.frame(wire.Hello(fault=row)))
        return
    write(out, wire.frame(wire.Hello(models=computing.models)))
    try:
        serve(computing, Pipe(0), out)
    except (EOFError, BrokenPipeError):
        return


if __name__ == "__main__":
    main(sys.argv[1:])
