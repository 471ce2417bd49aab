"""The journal's first tables. Frozen: later changes are later revisions."""

from alembic import op

revision = "journal_0001"
down_revision = None
branch_labels = ("journal",)
depends_on = None

TABLES = """
create schema journal;
create sequence journal.seq;

create table journal.message (
    seq bigint not null,
    received timestamptz not null,
    id uuid not null primary key,
    digest bytea not null,
    flags smallint not null,
    channel text not null,
    format text not null,
    type text not null,
    sender text not null,
    control_id text not null,
    key text not null,
    peer text not null,
    body bytea not null
) partition by range (id);
create index message_control_id on journal.message (control_id) where control_id <> '';

create table journal.message_event (
    at timestamptz not null,
    seq bigint not null,
    id uuid not null,
    attempt smallint not null,
    state text not null,
    plan text not null,
    faults json,
    resources text
) partition by range (id);
create index message_event_id on journal.message_event (id);

create table journal.message_rest partition of journal.message default;
create table journal.message_event_rest partition of journal.message_event default;

create table journal.seen (
    source bigint not null,
    digest bigint not null,
    id uuid not null,
    primary key (source, digest)
);

create table journal.pending (
    seq bigint primary key,
    key bigint not null,
    not_before timestamptz,
    id uuid not null,
    lane smallint not null,
    attempts smallint not null default 0,
    stopped boolean not null default false
);
create index pending_waiting on journal.pending (key, seq) where not_before is not null;
alter table journal.pending set (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000,
    autovacuum_vacuum_insert_scale_factor = 0, autovacuum_vacuum_insert_threshold = 100000, autovacuum_analyze_threshold = 100000);

create table journal.held (
    seq bigint not null,
    since timestamptz not null,
    id uuid primary key,
    channel text not null,
    code text not null
);

create table journal.lease (
    name text primary key,
    owner integer not null default 0,
    epoch bigint not null default 0,
    until timestamptz not null default '-infinity'
) with (fillfactor = 50);
insert into journal.lease (name) select 'lane ' || n from generate_series(0, 63) n;

create table journal.feed_event (
    number bigint not null,
    at timestamptz not null,
    topic text not null,
    patient text not null,
    severity text not null,
    body json not null
) partition by range (at);
create index feed_event_number on journal.feed_event (number);
create table journal.feed_event_rest partition of journal.feed_event default;
create sequence journal.feed_number;
"""


def upgrade() -> None:
    op.execute(TABLES)
