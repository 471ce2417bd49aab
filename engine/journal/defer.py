"""Putting off: a message whose work failed for a reason that may pass waits, and later ones of its key wait behind it."""

from __future__ import annotations

from collections.abc import Sequence

from engine.fault import Fault
from engine.journal.line import Connection
from engine.journal.values import faults_json
from engine.types import Message


def defer(connection: Connection, messages: Sequence[Message], seconds: float, fault: Fault | None) -> None:
    """Notes the attempt and the earliest time of the next one."""
    ids = [message.id for message in messages]
    seqs = [message.seq for message in messages]
    connection.execute(
        "update journal.pending set attempts = least(attempts + 1, 32767), not_before = now() + %s * interval '1 second'"
        " where seq = any(%s)",
        [seconds, seqs],
    )
    connection.execute(
        "insert into journal.message_event (at, seq, id, attempt, state, plan, faults)"
        " select now(), seq, id, attempt, 'deferred', '', %s::json"
        " from unnest(%s::int8[], %s::uuid[], %s::int4[]) as given (seq, id, attempt)",
        [faults_json((fault,) if fault else ()), seqs, ids, [min(message.attempt, 32767) for message in messages]],
    )
