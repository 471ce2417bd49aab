"""Large resources are compressed with LZ4 where the server has it, in a tenth of the time that its older method takes."""

from __future__ import annotations

from alembic import op

revision = "fhir_0006"
down_revision = "fhir_0005"
branch_labels = None
depends_on = None

STORED = """
do $$
begin
    if exists (select from pg_settings where name = 'default_toast_compression' and 'lz4' = any(enumvals)) then
        alter table fhir.resource alter column body set compression lz4;
        alter table fhir.history alter column body set compression lz4;
    end if;
end $$
"""


def upgrade() -> None:
    """What is stored from now on; what is there stays as it is and is read all the same."""
    op.execute(STORED)


def downgrade() -> None:
    """The server's own choice again."""
    op.execute("alter table fhir.resource alter column body set compression default")
    op.execute("alter table fhir.history alter column body set compression default")
