"""What an earlier version stored is found after the upgrade."""

from __future__ import annotations

from datetime import UTC, datetime

import psycopg

from engine.fault import Fault
from engine.migrate import migrate
from engine.types import Put
from fhir.rest.server import answered
from fhir.search.find import Page, find
from fhir.search.hashing import number
from fhir.search.query import Query, read
from fhir.store import FhirStore
from tests.integration.fhir.calls import observation

AT = datetime(2026, 3, 2, 12, 0, 0, tzinfo=UTC)
EXAM = [{"coding": [{"system": "urn:c", "code": "exam"}]}]


def test_categories_that_stood_beside_the_index_are_found_after_the_upgrade(empty_database: str) -> None:
    assert not isinstance(migrate(empty_database, to="fhir_0003"), Fault)
    with psycopg.connect(empty_database, autocommit=True) as connection:
        FhirStore().write(connection, [Put(observation(id="o1", category=EXAM))], AT)
        held = number("Observation.category|exam")
        change = "update fhir.resource set tokens = array_remove(tokens, %(held)s), exact = array_append(exact, %(held)s)"
        connection.execute(change, {"held": held})
        assert not isinstance(migrate(empty_database), Fault)
        query = read("Observation", [("category", "urn:c|exam")])
        assert isinstance(query, Query)
        page = answered(connection, find(query))
        assert isinstance(page, Page)
        assert [one.id for one in page.matches] == ["o1"]


def test_accesses_kept_before_are_audit_events_after_the_upgrade(empty_database: str) -> None:
    assert not isinstance(migrate(empty_database, to="fhir_0004"), Fault)
    with psycopg.connect(empty_database, autocommit=True) as connection:
        row = (AT, "read", 200, "Observation", "o1", "", "10.0.0.9", ["Patient/p1"])
        columns = "at, interaction, status, type, id, query, peer, patients"
        connection.execute(f"insert into fhir.access ({columns}) values (%s, %s, %s, %s, %s, %s, %s, %s)", row)
        assert not isinstance(migrate(empty_database), Fault)
        query = read("AuditEvent", [("patient", "p1"), ("entity", "Observation/o1"), ("date", "2026-03-02"), ("subtype", "read")])
        assert isinstance(query, Query)
        page = answered(connection, find(query))
        assert isinstance(page, Page)
        assert len(page.matches) == 1
        assert '"recorded":"2026-03-02T12:00:00.000Z"' in page.matches[0].body
        assert "10.0.0.9" in page.matches[0].body


def test_what_no_search_chooses_by_is_not_sampled(empty_database: str) -> None:
    assert not isinstance(migrate(empty_database, to="fhir_0008"), Fault)
    with psycopg.connect(empty_database, autocommit=True) as connection:
        FhirStore().write(connection, [Put(observation(id=f"o{n}", category=EXAM)) for n in range(50)], AT)
        assert not isinstance(migrate(empty_database), Fault)
        connection.execute("analyze fhir.resource")
        asked = "select attname from pg_stats where schemaname = 'fhir' and tablename = 'resource'"
        sampled = {name for (name,) in connection.execute(asked)}
        assert sampled == {"num", "type", "updated", "deleted", "patient", "low", "high", "tokens", "exact", "strings"}
