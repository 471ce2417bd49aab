"""Packed arrays are read by PostgreSQL as what they were."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from typing import Any
from uuid import UUID

import psycopg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine import packed
from engine.postgres import Server

TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=12)
MOMENT = st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30), timezones=st.just(timezone(timedelta(hours=-5))))


@pytest.fixture(scope="module")
def connection(postgres: Server) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(postgres.dsn, autocommit=True) as open_:
        yield open_


@settings(max_examples=60, deadline=None)
@given(
    texts_=st.lists(st.none() | TEXT | st.sampled_from(["", "null", "NULL", "{}", "a,b", '"', "\\", " x "])),
    numbers=st.lists(st.none() | st.integers(-(2**63), 2**63 - 1)),
    blobs=st.lists(st.binary(max_size=300)),
    ids=st.lists(st.none() | st.uuids()),
    moments=st.lists(st.none() | MOMENT),
    truths=st.lists(st.booleans()),
)
def test_packed_arrays_come_back(
    connection: psycopg.Connection[Any],
    texts_: list[str | None],
    numbers: list[int | None],
    blobs: list[bytes],
    ids: list[UUID | None],
    moments: list[datetime | None],
    truths: list[bool],
) -> None:
    row = connection.execute(
        "select %b::text[], %b::int8[], %b::bytea[], %b::uuid[], %b::timestamptz[], %b::bool[]",
        [
            packed.texts(texts_),
            packed.numbers(numbers),
            packed.blobs(blobs),
            packed.uuids(ids),
            packed.times(moments),
            packed.truths(truths),
        ],
    ).fetchone()
    assert row == (texts_, numbers, blobs, ids, moments, truths)
