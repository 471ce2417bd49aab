"""The journal's tables as SQLAlchemy Core sees them, for statements that are put together; the migrations make them.

`message` never changes after it was written. What changes is narrow: a row of `pending` until the message is settled, a row of
`held` until it is replayed, and one row of `message_event` for each thing that happened to it.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
)
from sqlalchemy.dialects.postgresql import JSON

metadata = MetaData(schema="journal")
TIME = DateTime(timezone=True)

message = Table(
    "message",
    metadata,
    Column("seq", BigInteger, nullable=False),
    Column("received", TIME, nullable=False),
    Column("id", Uuid, primary_key=True),  # UUIDv7: partitioned by it, by day
    Column("digest", LargeBinary, nullable=False),  # SHA-256 of body
    Column("flags", SmallInteger, nullable=False),  # 1: its control id was used before, with other bytes; 2: slow work
    Column("channel", Text, nullable=False),
    Column("format", Text, nullable=False),
    Column("type", Text, nullable=False),
    Column("sender", Text, nullable=False),
    Column("control_id", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("peer", Text, nullable=False),
    Column("body", LargeBinary, nullable=False),
)

event = Table(
    "message_event",
    metadata,
    Column("at", TIME, nullable=False),
    Column("seq", BigInteger, nullable=False),  # of its time in the queue; grows with each replay
    Column("id", Uuid, nullable=False),
    Column("attempt", SmallInteger, nullable=False),
    Column("state", Text, nullable=False),  # processed, filtered, held; deferred, replayed
    Column("plan", Text, nullable=False),
    Column("faults", JSON),
    Column("resources", Text),
)

pending = Table(
    "pending",
    metadata,
    Column("seq", BigInteger, primary_key=True),
    Column("key", BigInteger, nullable=False),  # hash of channel and order key
    Column("not_before", TIME),
    Column("id", Uuid, nullable=False),
    Column("lane", SmallInteger, nullable=False),
    Column("attempts", SmallInteger, nullable=False),
    Column("stopped", Boolean, nullable=False),
)

held = Table(
    "held",
    metadata,
    Column("seq", BigInteger, nullable=False),
    Column("since", TIME, nullable=False),
    Column("id", Uuid, primary_key=True),
    Column("channel", Text, nullable=False),
    Column("code", Text, nullable=False),
)

seen = Table(
    "seen",
    metadata,
    Column("source", BigInteger, primary_key=True),  # hash of channel, sender and control id
    Column("digest", BigInteger, primary_key=True),  # first 64 bits of the body's SHA-256
    Column("id", Uuid, nullable=False),
)

lease = Table(
    "lease",
    metadata,
    Column("name", Text, primary_key=True),
    Column("owner", Integer, nullable=False),
    Column("epoch", BigInteger, nullable=False),
    Column("until", TIME, nullable=False),
)

feed_event = Table(
    "feed_event",
    metadata,
    Column("number", BigInteger, nullable=False),
    Column("at", TIME, nullable=False),
    Column("topic", Text, nullable=False),
    Column("patient", Text, nullable=False),
    Column("severity", Text, nullable=False),
    Column("body", JSON, nullable=False),
)

parcel = Table(
    "parcel",
    metadata,
    Column("seq", BigInteger, primary_key=True),
    Column("at", TIME, nullable=False),
    Column("message", Uuid),
    Column("destination", Text, nullable=False),
    Column("idem", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("content_type", Text, nullable=False),
    Column("meta", JSON, nullable=False),
    Column("body", LargeBinary, nullable=False),
    UniqueConstraint("destination", "idem"),
)

outbox = Table(
    "outbox",
    metadata,
    Column("seq", BigInteger, primary_key=True),
    Column("key", BigInteger, nullable=False),  # hash of destination and key
    Column("not_before", TIME),
    Column("attempts", Integer, nullable=False),
    Column("destination", Text, nullable=False),
    Column("fault", JSON),  # of the last try
)

dead = Table(
    "dead",
    metadata,
    Column("seq", BigInteger, primary_key=True),
    Column("since", TIME, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("destination", Text, nullable=False),
    Column("code", Text, nullable=False),
    Column("fault", JSON, nullable=False),
)

delivery = Table(
    "delivery",
    metadata,
    Column("seq", BigInteger, nullable=False),
    Column("at", TIME, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("destination", Text, nullable=False),
    Column("receipt", JSON),
)

paused = Table(
    "paused",
    metadata,
    Column("destination", Text, primary_key=True),
    Column("since", TIME, nullable=False),
    Column("reason", Text, nullable=False),
)
