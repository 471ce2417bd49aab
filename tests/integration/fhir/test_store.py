"""The store against a real PostgreSQL: versions, histories, merges, exact digits, and nothing new for the same content."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import psycopg
import pytest
from sqlalchemy import create_engine, inspect
from sqlalchemy.pool import NullPool

from engine.types import Envelope, Message, Origin, Put, Written
from fhir import encode
from fhir.store import Delete, FhirStore, apply
from fhir.store.schema import metadata
from fhir.store.types import CODES, uuid_of

AT = datetime(2026, 1, 2, 3, 4, 5, 678901, UTC)
PATIENT = {"resourceType": "Patient", "id": "a", "name": [{"family": "Müller"}], "deceasedBoolean": False, "gender": "female"}


@pytest.fixture
def connection(database: str) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(database) as held:
        yield held


def body(connection: psycopg.Connection[Any], type: str, id: str) -> dict[str, Any]:
    row = connection.execute("select body from fhir.resource where key = %s", (uuid_of(type, id),)).fetchone()
    assert row is not None
    return encode.trusted(row[0])


def versions(connection: psycopg.Connection[Any], type: str, id: str) -> list[tuple[int, bool]]:
    query = """select version, deleted from fhir.history where key = %(key)s
        union all select version, deleted from fhir.resource where key = %(key)s order by version"""
    return [(row[0], row[1]) for row in connection.execute(query, {"key": uuid_of(type, id)})]


def write(connection: psycopg.Connection[Any], *puts: Put) -> list[tuple[int, str]]:
    return [(one.version, one.change) for one in FhirStore().write(connection, puts, AT)]


def test_a_new_resource_is_version_one_and_reads_back_with_its_digits(connection: psycopg.Connection[Any]) -> None:
    observation = {
        "resourceType": "Observation",
        "id": "o",
        "status": "final",
        "code": {"text": "K"},
        "valueQuantity": {"value": Decimal("7.10")},
    }
    assert write(connection, Put(observation)) == [(1, "created")]
    row = connection.execute("select body from fhir.resource").fetchone()
    assert row is not None
    assert row[0] == (
        '{"resourceType":"Observation","id":"o","meta":{"versionId":"1","lastUpdated":"2026-01-02T03:04:05.678Z"},'
        '"status":"final","code":{"text":"K"},"valueQuantity":{"value":7.10}}'
    )


def test_the_same_content_makes_no_new_version(connection: psycopg.Connection[Any]) -> None:
    write(connection, Put(PATIENT))
    assert write(connection, Put(PATIENT)) == [(1, "unchanged")]
    reordered = dict(reversed(PATIENT.items()))
    versioned = {**PATIENT, "meta": {"versionId": "9", "lastUpdated": "2020-01-01T00:00:00Z"}}
    assert write(connection, Put(reordered), Put(versioned)) == [(1, "unchanged"), (1, "unchanged")]
    assert versions(connection, "Patient", "a") == [(1, False)]


def test_a_large_body_is_not_stored_by_the_servers_slow_compression(connection: psycopg.Connection[Any]) -> None:
    write(connection, Put({"resourceType": "Binary", "id": "b", "contentType": "text/plain", "data": "QUJD" * 40_000}))
    [row] = connection.execute("select pg_column_compression(body), length(body) from fhir.resource").fetchall()
    assert row[0] in (None, "lz4")
    assert row[1] > 160_000


def test_what_is_written_once_is_left_alone_until_it_is_deleted(connection: psycopg.Connection[Any]) -> None:
    again = {**PATIENT, "gender": "male"}
    assert write(connection, Put(PATIENT, once=True), Put(again, once=True)) == [(1, "created"), (1, "unchanged")]
    assert body(connection, "Patient", "a")["gender"] == "female"
    apply(connection, [Delete("Patient", "a")], AT)
    assert write(connection, Put(again, once=True)) == [(3, "created")]


def test_other_digits_are_other_content(connection: psycopg.Connection[Any]) -> None:
    for version, digits in enumerate(("7.1", "7.10"), start=1):
        observation = {"resourceType": "Observation", "id": "o", "valueQuantity": {"value": Decimal(digits)}}
        assert write(connection, Put(observation))[0][0] == version


def test_a_changed_resource_gets_the_next_version_and_keeps_its_place_and_past(connection: psycopg.Connection[Any]) -> None:
    write(connection, Put(PATIENT))
    before = connection.execute("select num from fhir.resource").fetchone()
    assert write(connection, Put({**PATIENT, "gender": "male"})) == [(2, "updated")]
    assert connection.execute("select num from fhir.resource").fetchone() == before
    old = connection.execute("select version, body::json->>'gender' from fhir.history").fetchall()
    assert old == [(1, "female")]
    assert body(connection, "Patient", "a")["meta"]["versionId"] == "2"


def test_one_resource_many_times_in_a_batch_yields_successive_versions(connection: psycopg.Connection[Any]) -> None:
    puts = [Put({**PATIENT, "gender": gender}) for gender in ("female", "male", "male", "other")]
    assert write(connection, *puts) == [(1, "created"), (2, "updated"), (2, "unchanged"), (3, "updated")]
    assert write(connection, *puts[:2]) == [(4, "updated"), (5, "updated")]
    assert versions(connection, "Patient", "a") == [(n, False) for n in range(1, 6)]
    past = [row[0] for row in connection.execute("select body::json->>'gender' from fhir.history order by version")]
    assert past == ["female", "male", "other", "female"]


def test_a_merge_keeps_what_the_new_body_does_not_state(connection: psycopg.Connection[Any]) -> None:
    tagged = {**PATIENT, "meta": {"tag": [{"code": "x"}]}}
    write(connection, Put(tagged))
    change = {"resourceType": "Patient", "id": "a", "deceasedDateTime": "2026-01-01", "birthDate": "1970-01-02"}
    assert write(connection, Put(change, merge=True, clear=("gender",))) == [(2, "updated")]
    found = body(connection, "Patient", "a")
    meta = found.pop("meta")
    assert meta["tag"] == [{"code": "x"}]
    assert found == {
        "resourceType": "Patient",
        "id": "a",
        "name": [{"family": "Müller"}],
        "deceasedDateTime": "2026-01-01",  # the choice has one member: the boolean is gone
        "birthDate": "1970-01-02",
    }
    assert write(connection, Put(change, merge=True)) == [(2, "unchanged")]


def test_the_very_same_put_changes_nothing_until_another_has_changed_the_resource(connection: psycopg.Connection[Any]) -> None:
    told = Put(
        {"resourceType": "Patient", "id": "a", "gender": "female", "birthDate": "1960-01-01"}, merge=True, clear=("active",)
    )
    write(connection, Put({**PATIENT, "active": True}))
    assert write(connection, told, told) == [(2, "updated"), (2, "unchanged")]
    assert write(connection, told) == [(2, "unchanged")]
    moved = Put({"resourceType": "Patient", "id": "a", "gender": "male", "active": True}, merge=True)
    assert write(connection, told, moved, told) == [(2, "unchanged"), (3, "updated"), (4, "updated")]
    held = body(connection, "Patient", "a")
    assert (held["gender"], held["birthDate"], held["name"]) == ("female", "1960-01-01", PATIENT["name"])
    assert "active" not in held
    assert [one.change for one in apply(connection, [Delete("Patient", "a"), told], AT) if isinstance(one, Written)] == [
        "deleted",
        "created",
    ]


def test_a_put_whose_transaction_was_rolled_back_is_written_again(connection: psycopg.Connection[Any]) -> None:
    told = Put({**PATIENT, "birthDate": "1960-01-01"}, merge=True)
    write(connection, Put(PATIENT))
    connection.commit()
    write(connection, told)
    connection.rollback()
    assert write(connection, told) == [(2, "updated")]
    assert body(connection, "Patient", "a")["birthDate"] == "1960-01-01"


def test_patients_merged_one_after_the_other_keep_all_their_links(connection: psycopg.Connection[Any]) -> None:
    first, second = (
        Put(
            {"resourceType": "Patient", "id": "a", "link": [{"other": {"reference": f"Patient/{other}"}, "type": "replaces"}]},
            merge=True,
        )
        for other in "bc"
    )
    assert write(connection, first) + write(connection, second) == [(1, "created"), (2, "updated")]
    assert write(connection, first) == [(2, "unchanged")]
    assert [one["other"]["reference"] for one in body(connection, "Patient", "a")["link"]] == ["Patient/b", "Patient/c"]


def test_a_merge_within_a_batch_sees_the_version_before_it(connection: psycopg.Connection[Any]) -> None:
    change = {"resourceType": "Patient", "id": "a", "birthDate": "1970-01-02"}
    assert write(connection, Put(PATIENT, merge=True), Put(change, merge=True)) == [(1, "created"), (2, "updated")]
    assert body(connection, "Patient", "a")["gender"] == "female"


def test_a_deleted_resource_leaves_a_tombstone_and_may_come_back(connection: psycopg.Connection[Any]) -> None:
    write(connection, Put(PATIENT))
    deletes = [Delete("Patient", "a"), Delete("Patient", "a"), Delete("Patient", "z")]
    found = [one.change for one in apply(connection, deletes, AT) if isinstance(one, Written)]
    assert found == ["deleted", "unchanged", "unchanged"]
    row = connection.execute("select deleted, body, tokens, patient from fhir.resource").fetchone()
    assert row == (True, "", [], None)
    assert write(connection, Put(PATIENT, merge=True)) == [(3, "created")]
    assert versions(connection, "Patient", "a") == [(1, False), (2, True), (3, False)]


def test_nothing_is_left_when_the_transaction_is_undone(connection: psycopg.Connection[Any]) -> None:
    write(connection, Put(PATIENT))
    connection.rollback()
    assert connection.execute("select count(*) from fhir.resource").fetchone() == (0,)


def test_equal_ids_of_two_types_are_two_resources(connection: psycopg.Connection[Any]) -> None:
    group = {"resourceType": "Group", "id": "a", "type": "person", "actual": True}
    assert write(connection, Put(PATIENT), Put(group)) == [(1, "created"), (1, "created")]


def test_two_writers_of_the_same_resource_wait_for_each_other(database: str) -> None:
    with psycopg.connect(database) as first, psycopg.connect(database) as second:
        write(first, Put(PATIENT))
        first.commit()
        write(first, Put({**PATIENT, "gender": "male"}))
        second.execute("set lock_timeout = '200ms'")
        with pytest.raises(psycopg.errors.LockNotAvailable):
            write(second, Put({**PATIENT, "gender": "other"}))
        second.rollback()
        first.commit()
        assert write(second, Put({**PATIENT, "gender": "other"})) == [(3, "updated")]


def test_writers_of_what_stays_as_it_is_do_not_wait_for_each_other(database: str) -> None:
    told, other = Put(PATIENT, merge=True), {"resourceType": "Observation", "id": "o", "status": "final", "code": {"text": "K"}}
    with psycopg.connect(database) as first, psycopg.connect(database) as second:
        write(first, told)
        first.commit()
        assert write(first, told, Put(other)) == [(1, "unchanged"), (1, "created")]
        second.execute("set lock_timeout = '200ms'")
        assert write(second, told, Put({**other, "id": "p"})) == [(1, "unchanged"), (1, "created")]
        assert write(second, Put({**PATIENT, "gender": "male"})) == [(2, "updated")]
        second.commit()
        first.commit()
        assert write(first, told) == [(3, "updated")]


def test_what_may_change_in_a_batch_is_locked_though_it_was_written_before(database: str) -> None:
    told, moved = Put(PATIENT, merge=True), Put({**PATIENT, "gender": "male"}, merge=True)
    with psycopg.connect(database) as first, psycopg.connect(database) as second:
        assert write(first, told, moved, told) == [(1, "created"), (2, "updated"), (3, "updated")]
        first.commit()
        assert write(first, told, moved) == [(3, "unchanged"), (4, "updated")]
        second.execute("set lock_timeout = '200ms'")
        with pytest.raises(psycopg.errors.LockNotAvailable):
            write(second, told, moved)
        second.rollback()
        first.commit()
        assert write(second, told) == [(5, "updated")]


def test_the_columns_say_whose_it_is_and_when(connection: psycopg.Connection[Any]) -> None:
    observation = {
        "resourceType": "Observation",
        "id": "o",
        "subject": {"reference": "Patient/a"},
        "effectiveDateTime": "2026-01-02",
    }
    write(connection, Put(PATIENT), Put(observation))
    rows = connection.execute("select type, patient, low, high from fhir.resource order by type").fetchall()
    day = (datetime(2026, 1, 2, tzinfo=UTC) - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
    assert [row[0] for row in rows] == [CODES["Observation"], CODES["Patient"]]
    assert rows[0][1] == rows[1][1] is not None
    assert rows[0][2:] == (day, day + 86_400_000_000 - 1)


def test_the_schema_in_python_is_the_schema_that_the_migrations_make(database: str) -> None:
    engine = create_engine("postgresql+psycopg://", creator=lambda: psycopg.connect(database), poolclass=NullPool)
    found = inspect(engine)
    for table in metadata.sorted_tables:
        there = {c["name"]: (c["type"].compile(engine.dialect), c["nullable"]) for c in found.get_columns(table.name, "fhir")}
        assert there == {c.name: (c.type.compile(engine.dialect), bool(c.nullable)) for c in table.columns}
        indexes = {index["name"] for index in found.get_indexes(table.name, "fhir")} - {"type_name_key"}
        assert indexes == {index.name for index in table.indexes}


def test_an_origin_is_kept_as_it_is_told(connection: psycopg.Connection[Any]) -> None:
    told = [
        Origin(Message(UUID(int=7), 1, "lab", "hl7v2", b"", AT, Envelope("ORU^R01", "LAB|Göttingen", "M\x001")), "abc",
               ("Patient/a", "Observation/b", "Nothing/c")),
        Origin(Message(UUID(int=8), 2, "", "", b"", AT, Envelope()), "", ("Nothing/c",)),
    ]  # fmt: skip
    FhirStore().record(connection, told, AT)
    query = "select at, message, channel, type, sender, control_id, plan, keys from fhir.origin order by num"
    at = AT.replace(microsecond=678000)
    assert connection.execute(query).fetchall() == [
        (at, UUID(int=7), "lab", "ORU^R01", "LAB|Göttingen", "M1", "abc", [uuid_of("Patient", "a"), uuid_of("Observation", "b")]),
        (at, UUID(int=8), "", "", "", "", "", []),
    ]
