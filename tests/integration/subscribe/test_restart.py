"""A restart in the middle: nothing is lost, the order stays, and what comes twice has the same number."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import psycopg
import pytest

from engine.types import Put
from fhir.store import FhirStore
from fhir.subscribe import desk
from tests.integration.subscribe.subscribed import Served, endpoint, observation, served, subscription, wait_for
from tests.integration.subscribe.test_topics import admissions, encounter, said, subscribed, topics

EVENTS = 24


def test_nothing_is_lost_over_restarts_and_what_comes_twice_has_its_number(database: str) -> None:
    with endpoint() as far:
        with served(database, (far.url,), folders=topics) as here:
            subscribed(here, far, admissions(far.url))
        broken = {5, 9, 10, 17}  # requests that are taken, and whose answer is lost
        far.answer = lambda n: 500 if n in broken else 200
        for start in range(0, EVENTS, 8):
            with served(database, (far.url,), "every 50ms", folders=topics) as here:
                for n in range(start, start + 4):
                    here.api.put(f"Encounter/e{n}", json=encounter(f"e{n}"))
                here.store(*(encounter(f"e{n}") for n in range(start + 4, start + 8)))
        with served(database, (far.url,), "every 50ms", folders=topics) as here:
            wait_for(lambda: bool(far.told) and said(far.told[-1].json)["events-since-subscription-start"] == str(EVENTS))
        numbers = [int(said(one.json)["events"][0][0]) for one in far.told[1:]]
        focus = {said(one.json)["events"][0] for one in far.told[1:]}
        assert numbers == sorted(numbers)
        assert set(numbers) == set(range(1, EVENTS + 1))
        assert len(focus) == EVENTS  # a number always names the same event
        assert {name.rpartition("/")[2] for _, name in focus} == {f"e{n}" for n in range(EVENTS)}
        assert len(numbers) == EVENTS + len(broken)


def test_a_transaction_that_is_undone_leaves_no_gap(database: str) -> None:
    with endpoint() as far, served(database, (far.url,), folders=topics) as here:
        subscribed(here, far, admissions(far.url))
        with pytest.raises(ZeroDivisionError), psycopg.connect(database) as connection:
            FhirStore().attached(here.site).write(connection, [Put(encounter("lost"))], here.site.now())
            raise ZeroDivisionError
        here.api.put("Encounter/kept", json=encounter("kept"))
        assert said(far.wait(2)[1].json)["events"] == [("1", f"{here.url}/Encounter/kept")]


def test_writers_side_by_side_share_one_row_of_numbers(database: str) -> None:
    with endpoint() as far, served(database, (far.url,), folders=topics) as here:
        id = subscribed(here, far, admissions(far.url))
        with ThreadPoolExecutor(4) as threads:
            list(threads.map(lambda n: here.store(encounter(f"s{n}"), encounter(f"t{n}")), range(10)))
            list(threads.map(lambda n: here.api.put(f"Encounter/r{n}", json=encounter(f"r{n}")), range(10)))
        far.wait(31)
        numbers = [int(said(one.json)["events"][0][0]) for one in far.told[1:]]
        assert numbers == list(range(1, 31))
        assert said(here.api.get(f"Subscription/{id}/$status").json())["events-since-subscription-start"] == "30"


def test_another_process_tells_of_a_subscription_within_seconds_though_nobody_told_it(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(desk, "LOOK", 0.05)
    with endpoint() as far, served(database, (far.url,)) as here:
        settings = {"subscription_hosts": (far.url,)}
        other = Served(here.url, here.api, replace(here.site, settings=settings), database)  # a desk of its own
        other.store(observation(id="before"))
        here.api.post("Subscription", json=subscription(far.url, payload="application/fhir+json"))
        time.sleep(0.06)
        other.store(observation(id="after"))
        assert [one.path for one in far.wait(1)] == ["/Observation/after"]
