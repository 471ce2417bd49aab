"""What leaves: parcels, the queue of those on their way, those given up, and the receipts."""

from alembic import op

revision = "journal_0002"
down_revision = "journal_0001"
branch_labels = None
depends_on = None

TABLES = """
create sequence journal.parcel_seq;

create table journal.parcel (
    seq bigint primary key,
    at timestamptz not null,
    message uuid,
    destination text not null,
    idem text not null,
    key text not null,
    content_type text not null,
    meta json not null,
    body bytea not null,
    unique (destination, idem)
);
create index parcel_message on journal.parcel (message) where message is not null;

create table journal.outbox (
    seq bigint primary key,
    key bigint not null,
    not_before timestamptz,
    attempts integer not null default 0,
    destination text not null,
    fault json
);
create index outbox_destination on journal.outbox (destination, seq);
create index outbox_waiting on journal.outbox (destination, key, seq) where not_before is not null;
alter table journal.outbox set (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000,
    autovacuum_vacuum_insert_scale_factor = 0, autovacuum_vacuum_insert_threshold = 100000, autovacuum_analyze_threshold = 100000);

create table journal.dead (
    seq bigint primary key,
    since timestamptz not null,
    attempts integer not null,
    destination text not null,
    code text not null,
    fault json not null
);

create table journal.delivery (
    seq bigint not null,
    at timestamptz not null,
    attempts integer not null,
    destination text not null,
    receipt json
);
create index delivery_seq on journal.delivery (seq);

create table journal.paused (
    destination text primary key,
    since timestamptz not null,
    reason text not null
);
"""


def upgrade() -> None:
    op.execute(TABLES)
