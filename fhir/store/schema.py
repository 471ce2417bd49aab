"""The tables of the FHIR store.

One row per resource holds everything: the body as the text that is served, and what searches need. Few B-trees (each costs
microseconds a row), one GIN index over hashed values and over the stretch of numbers and of days a row lies in (`search/plan.py`
says what for); what most rows share is compared on the rows found. Superseded versions move to `fhir.history`, so a resource that
never changes costs one row.
"""

from __future__ import annotations

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Double,
    Identity,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    Table,
    Text,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import TSVECTOR

metadata = MetaData(schema="fhir")

resource = Table(
    "resource",
    metadata,
    Column("num", BigInteger, Identity(always=False, cache=64), nullable=False),  # order of creation: pages go by it
    Column("key", Uuid, nullable=False),  # digest of type and id
    Column("type", SmallInteger, nullable=False),  # fhir.type.code
    Column("id", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("updated", DateTime(timezone=True), nullable=False),
    Column("deleted", Boolean, nullable=False),
    Column("patient", BigInteger),  # digest of the Patient it is about
    Column("low", BigInteger),  # when it was: first and last microsecond since 1970
    Column("high", BigInteger),
    Column("tokens", ARRAY(BigInteger), nullable=False),
    Column("exact", ARRAY(BigInteger), nullable=False),
    Column("ranges", ARRAY(Double)),
    Column("strings", TSVECTOR),
    Column("digest", Uuid, nullable=False),  # of the content without its version
    Column("body", Text, nullable=False),
    Index("resource_key", "key", unique=True),
    Index("resource_type", "type", "num"),
    Index("resource_patient", "patient", "type", "num", postgresql_where=text("patient is not null")),
    Index(
        "resource_tokens",
        text("(tokens || array[num >> 13, coalesce(low >> 36, 0) + 2305843009213693952])"),
        postgresql_using="gin",
        postgresql_with={"fastupdate": "on", "gin_pending_list_limit": 1024},
    ),
    Index("resource_strings", "strings", postgresql_using="gin", postgresql_where=text("strings is not null")),
    Index("resource_updated", "type", "updated", "num"),
    Index("resource_low", "type", "low", "num", postgresql_where=text("low is not null")),
    Index("resource_long", "type", "low", "num", postgresql_where=text("high - low > 86400000000")),
)

history = Table(
    "history",
    metadata,
    Column("key", Uuid, primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("type", SmallInteger, nullable=False),
    Column("id", Text, nullable=False),
    Column("updated", DateTime(timezone=True), nullable=False),
    Column("deleted", Boolean, nullable=False),
    Column("body", Text, nullable=False),
    Index("history_updated", "type", "updated"),
)

type_ = Table(
    "type",
    metadata,
    Column("code", SmallInteger, primary_key=True, autoincrement=False),
    Column("name", Text, nullable=False, unique=True),
)

origin = Table(
    "origin",
    metadata,
    Column("num", BigInteger, Identity(always=False, cache=64), primary_key=True),
    Column("at", DateTime(timezone=True), nullable=False),  # the same as `updated` of what the message wrote
    Column("message", Uuid, nullable=False),
    Column("channel", Text, nullable=False),
    Column("type", Text, nullable=False),
    Column("sender", Text, nullable=False),
    Column("control_id", Text, nullable=False),
    Column("plan", Text, nullable=False),  # the version of channel and mappings
    Column("keys", ARRAY(Uuid), nullable=False),
    Index("origin_at", "at"),
)

access = Table(
    "access",
    metadata,
    Column(
        "num", BigInteger, primary_key=True, server_default=text("nextval('fhir.resource_num_seq')")
    ),  # one order with resources
    Column("updated", DateTime(timezone=True), nullable=False),
    Column("low", BigInteger),  # when it was, as in resource: the view `audit` makes both one table
    Column("tokens", ARRAY(BigInteger), nullable=False),
    Column("exact", ARRAY(BigInteger), nullable=False),
    Column("strings", TSVECTOR),
    Column("told", Text, nullable=False),  # what the AuditEvent is made of
    Index("access_updated", "updated", "num"),
    Index("access_low", "low", "num"),
    Index(
        "access_tokens",
        text("(tokens || array[num >> 13, coalesce(low >> 36, 0) + 2305843009213693952])"),
        postgresql_using="gin",
        postgresql_with={"fastupdate": "on", "gin_pending_list_limit": 1024},
    ),
    Index("access_strings", "strings", postgresql_using="gin", postgresql_where=text("strings is not null")),
)

subscription = Table(
    "subscription",
    metadata,
    Column("num", BigInteger, Identity(always=False), primary_key=True),
    Column("key", Uuid, nullable=False),  # of the Subscription; one that is deleted and made anew gets another row
    Column("id", Text, nullable=False),
    Column("base", Text, nullable=False),  # this server's address as its client knows it
    Column("state", Text, nullable=False),  # requested, active, error, off, gone
    Column("events", BigInteger, nullable=False, server_default=text("0")),  # numbered so far
    Column("told", DateTime(timezone=True), nullable=False, server_default=text("now()")),  # when something was last sent
    Column("asked", DateTime(timezone=True), nullable=False, server_default=text("now()")),  # when its client last asked for it
    Column("shaken", Boolean, nullable=False, server_default=text("false")),  # whether the endpoint took the handshake
    Column("since", BigInteger, nullable=False, server_default=text("0")),  # how far it had come when its handshake was sent
    Index("subscription_key", "key", unique=True, postgresql_where=text("state <> 'gone'")),
)

secret = Table(
    "secret",
    metadata,
    Column("name", Text, primary_key=True),
    Column("value", LargeBinary, nullable=False),
)

subscription_event = Table(
    "subscription_event",
    metadata,
    Column("num", BigInteger, primary_key=True),
    Column("number", BigInteger, primary_key=True),
    Column("at", DateTime(timezone=True), nullable=False),
    Column("type", SmallInteger, nullable=False),
    Column("id", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("change", Text, nullable=False),  # created, updated, deleted
    Index("subscription_event_at", "at", postgresql_using="brin"),
)
