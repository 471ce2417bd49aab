"""One message's plan is run: what became of it, what is to be written, what waits for a later try."""

from __future__ import annotations

from typing import Any

from engine.fault import Fault, Kind
from engine.heap import release
from engine.journal import Settlement
from engine.record import record
from engine.run import Plan, run
from engine.types import Filtered, Message, Put, State, Work

TRIES = 8  # of a message whose fault may pass: about two minutes
NO_CHANNEL = Fault(
    Kind.NOT_FOUND, "E291", "the message's channel is not deployed", help="deploy the channel again, then replay the message"
)
FATAL = Fault(
    Kind.FAULT, "E295", "the process that worked on it ended each time", help="the message is kept; replay it after the repair"
)


@record
class Done:
    """A message that was run: what became of it, what is to be written, what the alert rules saw."""

    settlement: Settlement
    puts: tuple[Put, ...] = ()
    signals: tuple[Any, ...] = ()
    again: Fault | None = None  # why it is tried again later instead


def settlement(plan: Plan | None, message: Message) -> Done:
    """Runs a message's plan."""
    if plan is None:
        return Done(held(message, (NO_CHANNEL,), None))
    result = run(plan, message)
    if isinstance(result, Filtered):
        return Done(Settlement(message, State.FILTERED, plan=plan.digest))
    if not isinstance(result, Work):
        again = result[0] if result[0].kind.answer.retry and message.attempt < TRIES else None
        return Done(held(message, result, plan), again=again)
    puts = result.puts if plan.stores else ()
    names = tuple(f"{put.body['resourceType']}/{put.body['id']}" for put in puts)
    found = Settlement(message, State.PROCESSED, result.warnings, result.parcels, result.events, plan.digest, names)
    release(result.document)
    return Done(found, puts, result.data.get("alert", ()))


def held(message: Message, faults: tuple[Fault, ...], plan: Plan | None) -> Settlement:
    """The message stays, with its faults, until it is replayed; where the channel says `on failure: stop`, its key waits for it."""
    stop = plan is not None and plan.on_failure == "stop"
    return Settlement(message, State.HELD, faults, plan=plan.digest if plan is not None else "", stop=stop)


def order(message: Message) -> object:
    """What messages have in common that must not overtake each other."""
    return (message.channel, message.envelope.key) if message.envelope.key else message.id


def pause(attempt: int) -> float:
    """Seconds until the next try of a message, doubling to a minute."""
    return float(min(60, 2 ** min(attempt - 1, 10)))
