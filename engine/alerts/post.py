"""What a change of alerts sends: parcels for destinations, events for the feeds, in the transaction of the change."""

from __future__ import annotations

from engine.alerts.desk import Told
from engine.journal.outbox import post as queue
from engine.journal.settle import in_order, publish
from engine.types import Connection


def post(connection: Connection, told: Told) -> None:
    """Queues what is sent, and publishes it."""
    if told.parcels:
        in_order(connection)
        queue(connection, [(None, parcel) for parcel in told.parcels])
    if told.events:
        publish(connection, told.events)
