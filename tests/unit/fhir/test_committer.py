"""What clients are told when a write or a search cannot be done: never the data that was met."""

from __future__ import annotations

import asyncio

import psycopg
import pytest

from engine.fault import Fault
from fhir.rest.committer import Committer, told
from fhir.rest.server import costly
from fhir.search.find import MOST_CHAINED, find
from fhir.search.query import Query, read


@pytest.mark.parametrize(
    ("error", "code", "again"),
    [
        (psycopg.errors.UniqueViolation("SECRET"), "E569", True),
        (psycopg.errors.DeadlockDetected("SECRET"), "E569", True),
        (psycopg.errors.QueryCanceled("SECRET"), "E567", False),
        (psycopg.OperationalError("SECRET"), "E570", True),
        (ValueError("SECRET"), "E550", False),
    ],
)
def test_a_failed_transaction_is_told_by_its_cause(error: Exception, code: str, again: bool) -> None:
    fault, retry = told(error)
    assert (fault.code, retry) == (code, again)
    assert "SECRET" not in f"{fault}{fault.help}"


def test_a_write_that_finds_the_queue_full_is_told_to_come_back() -> None:
    class Stuck(Committer):
        def start(self) -> None:
            """Nobody takes the jobs."""

    async def fill() -> object:
        committer = Stuck("")
        while not committer.jobs.full():
            committer.jobs.put_nowait(None)
        return await committer.write([])

    found = asyncio.run(fill())
    assert isinstance(found, Fault)
    assert (found.code, found.kind.answer.retry) == ("E568", True)


def test_a_chain_whose_inner_condition_matches_too_much_is_refused() -> None:
    query = read("Observation", [("subject:Patient.gender", "male")])
    assert isinstance(query, Query)
    asking = find(query)
    next(asking)
    with pytest.raises(StopIteration) as end:
        asking.send([(103, "a", 1, "{}")] * (MOST_CHAINED + 1))
    assert isinstance(end.value.value, Fault)
    assert end.value.value.code == "E566"


def test_a_search_that_takes_too_long_says_what_helps() -> None:
    assert costly().code == "E567"
    assert "patient" in costly().help
