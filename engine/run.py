"""The engine in ten lines: a plan turns a message into work done, or into the faults that say why not. Pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from engine.fault import Fault, Kind, Refused, innermost
from engine.types import FILTERED, Event, Filtered, Format, Message, Parcel, Put, Run, Scope, Work


@dataclass(frozen=True, slots=True)
class Plan:
    """A channel, compiled: what is done with each of its messages. `digest` names the version that did it."""

    channel: str
    digest: str
    format: Format
    steps: tuple[Run, ...]
    accepts: Callable[[Scope], bool] | None = None
    key: Callable[[bytes], str] | None = None  # the order key of a body
    on_failure: str = "hold"  # hold, or stop: later messages of the key wait for this one
    stores: bool = True  # whether the resources are kept
    strict: bool = False  # whether messages are checked against the standard before they are taken
    slow: bool = False  # whether a step of it takes a processor for long
    puts: Callable[[Any], tuple[Put, ...]] | None = None  # the resources a body holds as it came
    deliveries: tuple[Callable[[Work], tuple[Parcel | Event | Fault, ...]], ...] = ()  # what each destination is told


def run(plan: Plan, message: Message) -> Work | Filtered | tuple[Fault, ...]:
    """Parses, filters and steps through; never raises. A bug in a step becomes the fault E290 and holds the message."""
    try:
        scope = plan.format.parse(message.body)
        if isinstance(scope, Fault):
            return (scope,)
        if plan.accepts is not None and not plan.accepts(scope):
            return FILTERED
        work = Work(message, scope, plan.puts(scope) if plan.puts is not None else ())
        for step in plan.steps:
            result = step(work)
            if not isinstance(result, Work):
                return (result,) if isinstance(result, Fault) else result
            work = result
        return _addressed(plan, work) if plan.deliveries else work
    except Refused as refused:  # a scope that reads its body only when it is asked
        return refused.fault.all()
    except (Exception, RecursionError, MemoryError) as error:
        return (bug(error),)


def _addressed(plan: Plan, work: Work) -> Work | tuple[Fault, ...]:
    """The work with a parcel for each destination that wants one, and the events of the feeds."""
    parcels: list[Parcel] = []
    events: list[Event] = []
    for render in plan.deliveries:
        for made in render(work):
            if isinstance(made, Fault):
                return (made,)
            if isinstance(made, Event):
                events.append(made)
            else:
                parcels.append(made)
    return replace(work, parcels=(*work.parcels, *parcels), events=(*work.events, *events))


def bug(error: BaseException) -> Fault:
    """A fault that names the kind of a bug and its place in our code, never the data it met."""
    text = f"the channel's own code failed with {type(error).__name__}"
    return Fault(
        Kind.FAULT,
        "E290",
        text,
        innermost(error),
        "this is a defect of the engine or a plug-in; the message is kept: replay it after the repair",
    )
