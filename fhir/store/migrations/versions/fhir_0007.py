"""Where the server has no LZ4, resources are stored plain: its older method takes 15 ms of processor time for an ECG of 150 kB.

Rows of up to half a page stay in one piece; superseded versions, which are written seldom, go on being compressed.
"""

from __future__ import annotations

from alembic import op

revision = "fhir_0007"
down_revision = "fhir_0006"
branch_labels = None
depends_on = None

STORED = """
do $$
begin
    if not exists (select from pg_settings where name = 'default_toast_compression' and 'lz4' = any(enumvals)) then
        alter table fhir.resource alter column body set storage external;
        alter table fhir.resource set (toast_tuple_target = 4080);
    end if;
end $$
"""


def upgrade() -> None:
    """What is stored from now on; what is there stays as it is and is read all the same."""
    op.execute(STORED)


def downgrade() -> None:
    """Compressed by whatever the server has."""
    op.execute("alter table fhir.resource alter column body set storage extended")
    op.execute("alter table fhir.resource reset (toast_tuple_target)")
