"""What the engine and its inference worker say to each other: a length, then MessagePack. No pickle, no shared memory."""

from __future__ import annotations

from typing import Any

import msgspec

MAX_FRAME = 256 * 1024 * 1024
Text = str


class Ask(msgspec.Struct, frozen=True, array_like=True):
    """A request: float32 little-endian µV, leads by samples; with `labels` also what their probabilities rest on."""

    id: int
    model: Text
    rate: float
    leads: list[str]
    samples: int
    data: bytes
    labels: list[str] = []


class Answer(msgspec.Struct, frozen=True, array_like=True):
    """A classification, or the fault's kind, code, text, place and help."""

    id: int
    fault: list[str] = []
    probabilities: dict[str, float] = {}
    embedding: bytes = b""
    windows: int = 0
    abstained: str = ""
    leads: dict[str, str] = {}
    warnings: list[str] = []
    maps: list[dict[str, Any]] = []


class Hello(msgspec.Struct, frozen=True, array_like=True):
    """The worker's first word: its models, or why it has none."""

    models: list[dict[str, str]] = []
    fault: list[str] = []


encoder = msgspec.msgpack.Encoder()
ask = msgspec.msgpack.Decoder(Ask)
answer = msgspec.msgpack.Decoder(Answer)
hello = msgspec.msgpack.Decoder(Hello)


def frame(value: msgspec.Struct) -> bytes:
    """A value as it goes over the pipe."""
    body = encoder.encode(value)
    return len(body).to_bytes(4, "little") + body
