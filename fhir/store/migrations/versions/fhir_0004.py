"""Searches that stay short: tokens with the stretch of numbers they stand in, dates and times of writing in the order of an index."""

from __future__ import annotations

from alembic import op

from fhir.store.types import CODES

revision = "fhir_0004"
down_revision = "fhir_0003"
branch_labels = None
depends_on = None

COMMON = ("Observation", "DiagnosticReport", "Encounter", "Patient", "ServiceRequest", "Specimen", "AuditEvent", "Provenance")


def upgrade() -> None:
    """Replaces the indexes; codes that were only compared so far, such as categories, go into the index too."""
    held = ", ".join(str(CODES[name]) for name in COMMON)
    op.execute(
        f"""
        drop index fhir.resource_tokens, fhir.resource_updated, fhir.history_updated;
        update fhir.resource set tokens = tokens || exact where type in ({held}) and exact <> '{{}}';
        create index resource_tokens on fhir.resource using gin ((tokens || array[num >> 13, coalesce(low >> 36, 0) + 2305843009213693952]))
            with (fastupdate = on, gin_pending_list_limit = 1024);
        create index resource_updated on fhir.resource (type, updated, num);
        create index resource_low on fhir.resource (type, low, num) where low is not null;
        create index resource_long on fhir.resource (type, low, num) where high - low > 86400000000;
        create index history_updated on fhir.history (type, updated);
        """  # noqa: S608  numbers of ours
    )


def downgrade() -> None:
    """Brings the old indexes back; tokens that are more than were kept before do no harm."""
    op.execute(
        """
        drop index fhir.resource_tokens, fhir.resource_updated, fhir.resource_low, fhir.resource_long, fhir.history_updated;
        create index resource_tokens on fhir.resource using gin (tokens) with (fastupdate = on, gin_pending_list_limit = 1024);
        create index resource_updated on fhir.resource using brin (updated);
        create index history_updated on fhir.history using brin (updated);
        """
    )
