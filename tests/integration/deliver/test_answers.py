"""What an application says later of a message its receiver had only accepted (S28 of the MLLP checklist)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from psycopg_pool import AsyncConnectionPool

from adapters.hl7v2.answers import Answers, read
from engine.deliver import dead
from engine.deliver.ledger import Ledger, Sent
from engine.fault import Fault
from engine.journal.outbox import post
from engine.types import Parcel, Sender, Site
from engine.uuid7 import uuid7

SITE = Site({}, {}, {}, lambda: datetime.now(UTC), uuid7)


def answer(code: str, control_id: str, old: bool = False) -> Parcel:
    """An application's answer as a channel passes it on; an old one came long ago."""
    body = f"MSH|^~\\&|EHR|H|LAB|H|20260101||ACK^R01^ACK|A1|P|2.5.1\rMSA|{code}|{control_id}\r".encode()
    message = "00000000-0000-7000-8000-000000000000" if old else str(uuid7())
    return Parcel("ehr_answers.noted", "k", f"ehr_answers.noted|{message}|0", body, "application/hl7-v2", {"message": message})


def delivered(database: str, control_id: str, code: str = "CA") -> None:
    """A message that its receiver has accepted: delivered, and noted so."""
    body = f"MSH|^~\\&|LAB|H|EHR|H|20260101||ORU^R01|{control_id}|P|2.5.1|||AL|AL\r".encode()
    receipt = {"code": code, "control_id": control_id, "answer": "", **({"awaiting": "application"} if code == "CA" else {})}

    async def note() -> None:
        ledger = Ledger(database, "hospital.ehr")
        read = await ledger.read(0, 10)
        await ledger.note([Sent(due, receipt=receipt) for due in read.heads], 7)
        await ledger.close()

    with psycopg.connect(database, autocommit=True) as connection:
        post(connection, [(None, Parcel("hospital.ehr", control_id, control_id, body))])
        connection.execute("insert into journal.lease (name, owner) values ('to hospital.ehr', 7) on conflict do nothing")
    asyncio.run(note())


def noted(database: str, *parcels: Parcel, **options: Any) -> list[Any]:
    async def main(what: Callable[[Sender], Awaitable[list[Any]]]) -> list[Any]:
        async with AsyncConnectionPool(database, min_size=1, max_size=1, open=False, kwargs={"autocommit": True}) as pool:
            sender = await Answers("hospital.ehr", **options).open(replace(SITE, pool=pool))
            assert not isinstance(sender, Fault)
            return await what(sender)

    async def what(sender: Sender) -> list[Any]:
        return [await sender.send(parcel) for parcel in parcels]

    return asyncio.run(main(what))


def receipts(database: str) -> list[dict[str, Any]]:
    with psycopg.connect(database) as connection:
        return [row[0] for row in connection.execute("select receipt from journal.delivery order by seq")]


def test_an_application_that_accepts_is_noted_with_the_delivery_however_often_it_says_so(database: str) -> None:
    for control_id in ("M1", "M2"):
        delivered(database, control_id)
    first, again = noted(database, answer("AA", "M1"), answer("AA", "M1", old=True))
    assert (first["answers"], first["code"]) == ("M1", "AA")
    assert again == first
    one, other = receipts(database)
    assert (one["application"], "awaiting" in one) == ("AA", False)
    assert other["awaiting"] == "application"


@pytest.mark.parametrize(("code", "fault"), [("AE", "E138"), ("AR", "E139")])
def test_an_application_that_refuses_takes_the_delivery_back(database: str, code: str, fault: str) -> None:
    delivered(database, "M1")
    first, again = noted(database, answer(code, "M1"), answer(code, "M1", old=True))
    assert first == again == {"answers": "M1", "code": code, "parcel": first["parcel"]}
    assert receipts(database) == []
    with psycopg.connect(database) as connection:
        [lost] = dead(connection, "hospital.ehr")
    assert (lost.seq, lost.idem, lost.fault.code) == (first["parcel"], "M1", fault)


def test_an_answer_to_nothing_is_looked_for_again_at_first_and_then_refused(database: str) -> None:
    delivered(database, "M1", code="AA")  # the application had answered at once: it waits for nothing
    found = noted(database, answer("AA", "M1"), answer("AE", "M9"), answer("AA", "M1", old=True), answer("AE", "M9", old=True))
    assert [(fault.code, fault.kind.answer.retry) for fault in found] == [("E186", True)] * 2 + [("E186", False)] * 2
    assert [receipt["code"] for receipt in receipts(database)] == ["AA"]


def test_an_answer_that_comes_too_late_finds_nothing(database: str) -> None:
    delivered(database, "M1")
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("update journal.delivery set at = %s", [datetime.now(UTC) - timedelta(hours=2)])
    [late] = noted(database, answer("AA", "M1", old=True), within=3600.0)
    assert isinstance(late, Fault)
    [fine] = noted(database, answer("AA", "M1", old=True), within=3 * 3600.0)
    assert fine["answers"] == "M1"


@pytest.mark.parametrize("body", [b"", b"no message", b"MSH|^~\\&|A\r", b"MSH|^~\\&|A\rMSA|CA|M1\r", b"MSH|^~\\&|A\rMSA|AA|\r"])
def test_what_is_no_applications_answer_is_refused(body: bytes) -> None:
    found = read(body)
    assert isinstance(found, Fault)
    assert not found.kind.answer.retry
