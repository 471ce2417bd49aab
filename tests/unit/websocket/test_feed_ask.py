"""What a reader may ask a feed for, and who may ask."""

from __future__ import annotations

import pytest

from adapters.websocket.ask import Asked, Wanted, ask
from engine.fault import Fault
from engine.origins import origin


def code(found: object) -> str:
    assert isinstance(found, Fault), found
    return found.code


def test_topics_filters_and_the_place_to_resume_are_read_from_the_query() -> None:
    found = ask(
        "topic=labs&topic=alerts&patient=1,Patient/2&channel=hospital&type=Observation&severity=high%2Ccritical&last_event_id=42"
    )
    wanted = Wanted(
        frozenset({"labs", "alerts"}), frozenset({"Patient/1", "Patient/2"}), frozenset({"hospital"}), frozenset({"Observation"}),
        frozenset({"high", "critical"}),
    )  # fmt: skip
    assert found == Asked(wanted, 42)


def test_a_star_is_every_topic() -> None:
    assert ask("topic=*") == Asked(Wanted())


@pytest.mark.parametrize(
    "query",
    ["", "patient=1", "topic=", "topic=a b", "topic=labs&colour=red", "topic=labs&last_event_id=-1", "topic=labs&last_event_id=x",
     "topic=labs&last_event_id=9999999999999999999999", "topic=" + "x" * 65, "topic=labs&patient=" + "p" * 201,
     "topic=labs&patient=" + ",".join(map(str, range(60))), "topic=labs" + "&a=b" * 60, "topic=%ff", "topic=labs&x=" + "y" * 5000],
)  # fmt: skip
def test_what_is_no_wish_for_a_feed_is_refused(query: str) -> None:
    assert code(ask(query)) == "E755"


@pytest.mark.parametrize("name", ["token", "access_token", "Authorization", "api_key", "jwt"])
def test_a_secret_in_the_address_is_refused_and_not_repeated(name: str) -> None:
    found = ask(f"topic=labs&{name}=verysecret")
    assert code(found) == "E756"
    assert "verysecret" not in str(found)


def test_a_wish_filters_by_every_name_it_gives() -> None:
    wanted = Wanted(
        frozenset({"labs"}), frozenset({"Patient/1"}), frozenset({"hospital"}), frozenset({"Observation"}), frozenset({"high"})
    )
    assert wanted.fits("labs", "Patient/1", "hospital", "Observation", "high")
    for at in range(5):
        event = ["labs", "Patient/1", "hospital", "Observation", "high"]
        event[at] = "other"
        assert not wanted.fits(*event)


@pytest.mark.parametrize(
    ("headers", "allowed", "refused"),
    [
        ({"host": "127.0.0.1:8080"}, (), False),  # a program
        ({"host": "127.0.0.1:8080", "origin": "http://127.0.0.1:8080"}, (), False),
        ({"host": "localhost:8080", "origin": "http://localhost:8080"}, (), False),
        ({"host": "[::1]:8080", "origin": "http://[::1]:8080"}, (), False),
        ({"host": "127.0.0.1:8080", "origin": "http://127.0.0.1:9090"}, (), True),
        ({"host": "127.0.0.1:8080", "origin": "http://evil.example"}, (), True),
        ({"host": "127.0.0.1:8080", "origin": "null"}, (), True),
        ({"host": "127.0.0.1:8080", "origin": ""}, (), True),
        ({"host": "127.0.0.1:8080", "origin": "http://[::1"}, (), True),
        ({"host": "rebound.example:8080", "origin": "http://rebound.example:8080"}, (), True),
        ({"host": "ward.example", "origin": "https://ward.example"}, ("https://ward.example",), False),
        ({"host": "ward.example", "origin": "https://ward.example.evil.example"}, ("https://ward.example",), True),
    ],
)
def test_only_pages_of_our_own_address_and_those_on_the_list_may_read(
    headers: dict[str, str], allowed: tuple[str, ...], refused: bool
) -> None:
    found = origin(headers, allowed)
    assert (found is not None) == refused
    if found is not None:
        assert code(found) == "E757"
