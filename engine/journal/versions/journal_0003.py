"""Quick and slow lanes are leased apart: the processes that work the one need not be those that work the other."""

from alembic import op

revision = "journal_0003"
down_revision = "journal_0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("delete from journal.lease where name like 'member lane %'")
    op.execute(
        "update journal.lease set name = 'slow ' || substr(name, 6), owner = 0, until = '-infinity'"
        " where name ~ '^lane [0-9]+$' and substr(name, 6)::int >= 56"
    )
