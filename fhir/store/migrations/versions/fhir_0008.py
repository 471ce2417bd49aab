"""How far a Subscription had come when its handshake was sent, so that what happens until it is taken is told afterwards; and the
secret that signs the tokens of its sockets, so that a restart ends none of them.
"""

from __future__ import annotations

from alembic import op

revision = "fhir_0008"
down_revision = "fhir_0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Adds a column and a table."""
    op.execute(
        """
        alter table fhir.subscription add column since bigint not null default 0;
        create table fhir.secret (name text primary key, value bytea not null);
        """
    )


def downgrade() -> None:
    """Forgets both."""
    op.execute("alter table fhir.subscription drop column since; drop table fhir.secret")
