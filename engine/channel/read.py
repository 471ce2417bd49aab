"""Reads a channel file: every key known, every plug-in found, every option of the right type, each finding with its place.

channel: lab_results
title: Laboratory results
source: { mllp: { listen: "tcp:127.0.0.1:2575" } }
accept if: MSH-9.1 = ORU
in order by: PID-3.1
validate: strict
steps: [ { map: oru_r01 }, { validate: fhir R4 } ]
destinations: { record: { fhir_store: {} } }
on failure: hold
keep messages: 90 days
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256
from typing import Any

from engine.channel.model import RETRY, Channel, Delivery, Used
from engine.diagnostic import NOWHERE, Diagnostic, Span, did_you_mean
from engine.document import Items, Node, Pairs, Text, read
from engine.options import Reading, build, duration, field_name

KEYS = ("channel", "title", "enabled", "source", "format", "accept if", "in order by", "validate", "steps", "destinations", "on failure",
        "keep messages")  # fmt: skip
DELIVERY = ("map", "if", "retry")
NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")


@dataclass(frozen=True, slots=True)
class Kinds:
    """The plug-ins a channel may name, by group."""

    sources: Mapping[str, type]
    steps: Mapping[str, type]
    destinations: Mapping[str, type]
    stores: Mapping[str, type]
    formats: Mapping[str, Any]


def read_channel(
    text: str | bytes, file: str, kinds: Kinds, environment: Mapping[str, str]
) -> tuple[Channel | None, list[Diagnostic]]:
    """The channel of one file, or None, with what is to say about it. Never raises."""
    node, found = read(text, file)
    reading = Reading(environment, found)
    if not isinstance(node, Pairs):
        if node is not None:
            reading.say("E225", "a channel file is names with values", node.at, "begin with `channel: its_name`")
        return None, reading.found
    for key, _ in node:
        if key.text not in KEYS:
            reading.say(
                "E226", f"a channel has no {key.text!r}", key.at, did_you_mean(key.text, KEYS) or f"its keys: {', '.join(KEYS)}"
            )
    name = _text(node, "channel", reading)
    named = node.get("channel")
    if not name or named is None:
        reading.say("E225", "the channel has no name", node.at, "begin with `channel: its_name`")
    elif not NAME.fullmatch(name):
        help = "a name is small letters, digits and underscores, beginning with a letter; `title` may be anything"
        reading.say("E225", f"{name} is no name of a channel", named.at, help)
    raw = text if isinstance(text, bytes) else text.encode("utf-8", "surrogateescape")
    source = _one(node.get("source"), kinds.sources, "source", reading)
    channel = Channel(
        name=name,
        digest=sha256(raw).hexdigest()[:16],
        title=_text(node, "title", reading),
        enabled=reading.yes(node.get("enabled"), "enabled", "E222"),
        source=source.plugin if source else None,
        format=_format(node, source, kinds, reading),
        accept=_formula(node, "accept if", reading),
        order=_formula(node, "in order by", reading),
        strict=_choice(node, "validate", ("", "strict"), reading) == "strict",
        steps=_steps(node.get("steps"), kinds, reading),
        destinations=_destinations(node.get("destinations"), kinds, reading),
        on_failure=_choice(node, "on failure", ("hold", "stop"), reading) or "hold",
        keep=_keep(node, reading),
        file=file,
    )
    return (None if reading.found else channel), reading.found


def _text(node: Pairs, key: str, reading: Reading) -> str:
    value = node.get(key)
    if value is None:
        return ""
    if isinstance(value, Text):
        return reading.text(value)
    reading.say("E222", f"{key} is a single text", value.at)
    return ""


def _formula(node: Pairs, key: str, reading: Reading) -> Text | None:
    value = node.get(key)
    if value is not None and not isinstance(value, Text):
        reading.say("E222", f"{key} is a single text", value.at)
        return None
    return value


def _choice(node: Pairs, key: str, allowed: tuple[str, ...], reading: Reading) -> str:
    value = _text(node, key, reading)
    if value and value not in allowed:
        at = node.get(key)
        reading.say(
            "E222", f"{key} is one of {', '.join(filter(None, allowed))}", at.at if at else node.at, did_you_mean(value, allowed)
        )
    return value


def _keep(node: Pairs, reading: Reading) -> timedelta:
    value = _text(node, "keep messages", reading)
    span = duration(value) if value else timedelta(days=90)
    if span is None:
        at = node.get("keep messages")
        reading.say("E222", f"{value!r} is no time", at.at if at else node.at, "for example 90 days")
    return span or timedelta(days=90)


def _format(node: Pairs, source: Used | None, kinds: Kinds, reading: Reading) -> str:
    name = _text(node, "format", reading) or str(getattr(source.plugin, "format", "hl7v2") if source else "hl7v2")
    at = node.get("format")
    if name not in kinds.formats:
        reading.say("E220", f"there is no format called {name}", at.at if at else node.at, did_you_mean(name, kinds.formats))
    said = getattr(source.plugin, "format", name) if source else name
    if at is not None and said != name:
        reading.say("E222", f"the source says {said}", at.at, "state the format once, among the source's options")
    return name


def _one(node: Node | None, known: Mapping[str, type], what: str, reading: Reading, at: Span | None = None) -> Used | None:
    """A plug-in written as `{ name: options }` or `name`."""
    if node is None:
        return None
    if isinstance(node, Text):
        return _used(node, None, known, what, reading)
    if isinstance(node, Pairs) and len(node.pairs) == 1:
        return _used(*node.pairs[0], known, what, reading)
    names = [key for key, _ in node if key.text in known] if isinstance(node, Pairs) else []
    if len(names) > 1:
        text = f"{names[0].text} and {names[1].text} are two {what}s"
        reading.say("E222", text, names[1].at, "write one here, and the other apart, with a name of its own")
    else:
        reading.say("E222", f"one {what} with its options is wanted here", at or node.at, f"`isthmus list {what}s` shows them")
    return None


def _used(key: Text, options: Node | None, known: Mapping[str, type], what: str, reading: Reading) -> Used | None:
    kind = known.get(key.text)
    if kind is None:
        reading.say(
            "E220",
            f"there is no {what} called {key.text}",
            key.at,
            did_you_mean(key.text, known) or f"known: {', '.join(sorted(known))}",
        )
        return None
    plugin = build(kind, options, reading, key.at, key.text)
    if plugin is None:
        return None
    at = options.at if options is not None else key.at
    wrong = plugin.check() if hasattr(plugin, "check") else None
    if wrong is not None:
        reading.say(wrong.code, wrong.text, _option(options, wrong.at) or at, wrong.help)
    return Used(key.text, plugin, at)


def _option(options: Node | None, name: str) -> Span | None:
    """Where an option's value stands."""
    if isinstance(options, Pairs):
        return next((value.at for key, value in options if field_name(key.text) == field_name(name)), None)
    return options.at if options is not None else None


def _steps(node: Node | None, kinds: Kinds, reading: Reading) -> tuple[Used, ...]:
    if node is None:
        return ()
    if not isinstance(node, Items):
        reading.say("E222", "steps is a list", node.at, "write one step a line, each beginning with a dash")
        return ()
    found = [_one(item, kinds.steps, "step", reading) for item in node.items]
    return tuple(step for step in found if step)


def _destinations(node: Node | None, kinds: Kinds, reading: Reading) -> tuple[Delivery, ...]:
    if node is None:
        return ()
    if not isinstance(node, Pairs):
        reading.say("E222", "destinations is names with values", node.at, "for example record: { fhir_store: {} }")
        return ()
    found = [_delivery(key, value, kinds, reading) for key, value in node]
    return tuple(each for each in found if each)


def _delivery(key: Text, node: Node, kinds: Kinds, reading: Reading) -> Delivery | None:
    if isinstance(node, Text):
        node = Pairs(((node, Pairs((), node.at)),), node.at)
    if not isinstance(node, Pairs):
        reading.say("E222", "a destination is a plug-in with its options", node.at)
        return None
    own = tuple(pair for pair in node if pair[0].text in DELIVERY)
    rest = Pairs(tuple(pair for pair in node if pair[0].text not in DELIVERY), node.at)
    known = {**kinds.destinations, **{f"{name}_store": kind for name, kind in kinds.stores.items()}}
    used = _one(rest, known, "destination", reading, None if rest.pairs else key.at)
    given = {name.text: value for name, value in own}
    texts = {name: reading.text(value) if isinstance(value, Text) else "" for name, value in given.items()}
    condition = given.get("if")
    if used is None:
        return None
    return Delivery(
        key.text,
        used,
        texts.get("map", ""),
        condition if isinstance(condition, Text) else None,
        texts.get("retry", "") or RETRY,
        key.at,
        given["map"].at if "map" in given else NOWHERE,
        given["retry"].at if "retry" in given else NOWHERE,
    )
