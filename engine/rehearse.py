"""A rehearsal before the worker processes are forked: what the first message would have each of them compile lies in memory once.

The sample that the tests of a channel's first mapping name goes through the channel's plan, which has no effects; what comes of it is
thrown away. Mappings that are listed later are compiled where a message wants them.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

from engine.channel import Channel
from engine.deployment import Deployment
from engine.document import Pairs, Text, read
from engine.fault import Fault
from engine.heap import building
from engine.run import Plan, run
from engine.steps import Map
from engine.types import Message

PLAIN = ("map", "validate", "alert")  # steps that only compute
LARGEST = 64 * 1024  # bytes of a sample
NOBODY = UUID(int=0)


def rehearse(deployed: Deployment, mappings: Path) -> list[str]:
    """Runs the first mapping of each quick channel once, where it has a sample in its folder; the names of those that were run."""
    done: list[str] = []
    with building():
        for name, plan in deployed.plans.items():
            first = _first(deployed.channels[name])
            body = _sample(mappings, first) if first and first not in done and not plan.slow else None
            if body is not None:
                _once(plan, body)
                done.append(first)
    return done


def _first(channel: Channel) -> str:
    """The mapping a channel names first, where it does no more than map and look at what comes of it."""
    plain = all(step.name in PLAIN for step in channel.steps)
    first = channel.steps[0].plugin if plain and channel.steps else None
    return first.mappings[0] if isinstance(first, Map) and first.mappings else ""


def _sample(folder: Path, mapping: str) -> bytes | None:
    """The message its tests are made from."""
    try:
        node, _ = read((folder / f"{mapping}.test.yaml").read_bytes(), mapping)
        named = node.get("sample") if isinstance(node, Pairs) else None
        path = (folder / named.text).resolve() if isinstance(named, Text) else folder
        sound = path.is_relative_to(folder.resolve()) and path.is_file() and path.stat().st_size <= LARGEST
        return path.read_bytes() if sound else None
    except (OSError, ValueError, RuntimeError):  # a name that no file can have, links in a ring
        return None


def _once(plan: Plan, body: bytes) -> None:
    told = plan.format.envelope(body)
    if not isinstance(told, Fault):
        run(plan, Message(NOBODY, 0, plan.channel, plan.format.name, body, datetime.fromtimestamp(0, UTC), told))
