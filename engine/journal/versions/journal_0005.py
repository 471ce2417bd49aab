"""The first parcel of a key, and the parcels whose next try has come, are found by an index each, however many wait."""

from alembic import op

revision = "journal_0005"
down_revision = "journal_0004"
branch_labels = None
depends_on = None

FOUND = """
create index outbox_key on journal.outbox (key, seq);
create index outbox_again on journal.outbox (destination, not_before) where not_before is not null;
drop index journal.outbox_waiting;
"""


def upgrade() -> None:
    op.execute(FOUND)
