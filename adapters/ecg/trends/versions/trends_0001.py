"""Trends of Holter recordings: one row a value, partitioned by month of the recorder's own time."""

from alembic import op

revision = "trends_0001"
down_revision = None
branch_labels = ("trends",)
depends_on = None

TABLES = """
create schema ecg;

create table ecg.recording (
    id uuid primary key,
    patient text not null,
    start timestamp,
    device text not null,
    scan text not null,
    digest text not null,
    uploaded timestamptz not null default now()
);
create index recording_patient on ecg.recording (patient);

create table ecg.trend (
    at timestamp not null,
    patient text not null,
    recording uuid not null,
    series text not null,
    minimum numeric,
    average numeric,
    maximum numeric,
    valid boolean not null,
    primary key (at, recording, series)
) partition by range (at);
create table ecg.trend_rest partition of ecg.trend default;
create index trend_patient on ecg.trend (patient, at)
"""


def upgrade() -> None:
    for statement in TABLES.split(";\n"):
        if statement.strip():
            op.execute(statement)


def downgrade() -> None:
    op.execute("drop schema ecg cascade")
