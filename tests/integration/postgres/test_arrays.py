"""Arrays written out are read by PostgreSQL as what they were."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from uuid import UUID

import psycopg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.arrays import plain, texts, times, uuids
from engine.postgres import Server

TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=12)


@pytest.fixture(scope="module")
def connection(postgres: Server) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(postgres.dsn, autocommit=True) as open_:
        yield open_


@settings(max_examples=60, deadline=None)
@given(
    texts_=st.lists(
        st.none() | TEXT | st.sampled_from(["", "null", "NULL", "{}", "a,b", '"', "\\", '\\"', " x ", '[{"a": "\\u00fc"}]'])
    )
)
def test_texts_come_back(connection: psycopg.Connection[Any], texts_: list[str | None]) -> None:
    assert connection.execute("select %s::text[]", [texts(texts_)]).fetchone() == (texts_,)


def test_numbers_yes_and_no_times_and_ids_come_back(connection: psycopg.Connection[Any]) -> None:
    moments = [datetime(2026, 3, 2, 12, 0, 0, 123456, UTC), None, datetime(1999, 1, 1, tzinfo=timezone(timedelta(hours=-5)))]
    ids = [UUID(int=7), None]
    row = connection.execute(
        "select %s::int8[], %s::bool[], %s::timestamptz[], %s::uuid[], %s::int8[]",
        [plain([1, -(2**63)]), plain([True, False]), times(moments), uuids(ids), plain([])],
    ).fetchone()
    assert row == ([1, -(2**63)], [True, False], moments, ids, [])
