"""Alerts: what is known of each rule and subject, and every alert's life."""

from alembic import op

revision = "alerts_0001"
down_revision = None
branch_labels = ("alerts",)
depends_on = None

TABLES = """
create schema alerts;

create table alerts.life (
    rule text not null,
    subject text not null,
    state json not null,
    seen timestamptz not null,
    due timestamptz,
    alert uuid,
    primary key (rule, subject)
);
create index life_due on alerts.life (due) where due is not null;

create table alerts.alert (
    id uuid primary key,
    rule text not null,
    version text not null,
    subject text not null,
    severity text not null,
    title text not null,
    state text not null,
    raised_at timestamptz not null,
    acknowledged_at timestamptz,
    acknowledged_by text,
    resolved_at timestamptz,
    level smallint not null default 0,
    repeats integer not null default 0,
    evidence text not null,
    history json not null
);
create index alert_open on alerts.alert (raised_at desc) where resolved_at is null;
create index alert_subject on alerts.alert (subject, raised_at desc);

create table alerts.quiet (
    id bigint generated always as identity primary key,
    rule text not null,
    subject text not null,
    since timestamptz not null,
    until timestamptz not null,
    reason text not null
);
"""


def upgrade() -> None:
    for statement in TABLES.split(";\n"):
        if statement.strip():
            op.execute(statement)


def downgrade() -> None:
    op.execute("drop schema alerts cascade")
