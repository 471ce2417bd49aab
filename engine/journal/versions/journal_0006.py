"""A delivery that a receiver has only accepted is found by the message's control id, for the answer that comes later."""

from alembic import op

revision = "journal_0006"
down_revision = "journal_0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("create index delivery_accepted on journal.delivery ((receipt ->> 'control_id')) where receipt ->> 'code' = 'CA'")
