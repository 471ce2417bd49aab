"""The route of Subscriptions is not taken with a list or a schedule that cannot be read; paths and headers of what is told."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from psycopg_pool import AsyncConnectionPool

from adapters.http.rest_hook import RestHook, below, headers, literal, route
from adapters.safe_http import Origin
from engine.deliver import Route
from engine.fault import Fault
from engine.types import Parcel, Site
from engine.uuid7 import uuid7
from fhir.subscribe.asked import Asked


def site(**settings: Any) -> Site:
    return Site({}, {}, settings, lambda: datetime.now(UTC), uuid7)


@pytest.mark.parametrize(
    ("settings", "code"),
    [({"subscription_hosts": ("https://*.example.org",)}, "E594"), ({"subscription_retry": "now and then"}, "E701")],
)
def test_settings_that_cannot_be_read_are_told(settings: dict[str, Any], code: str) -> None:
    found = route(site(**settings))
    assert isinstance(found, Fault)
    assert found.code == code


def test_without_settings_there_is_a_route_that_nobody_is_told_by() -> None:
    found = route(site())
    assert isinstance(found, Route)
    assert (found.name, found.apart, found.retry.span) == ("subscriptions", True, 86400.0)


@pytest.mark.parametrize(
    ("path", "to", "wanted"),
    [
        ("/hook", "", "/hook"),
        ("/hook?a=b", "", "/hook?a=b"),
        ("/hook", "Observation/1", "/hook/Observation/1"),
        ("/hook/", "Observation/1", "/hook/Observation/1"),
        ("/", "Observation/1", "/Observation/1"),
        ("/hook?a=b", "Observation/1", "/hook/Observation/1?a=b"),
    ],
)
def test_a_resource_is_put_below_the_endpoint(path: str, to: str, wanted: str) -> None:
    assert below(path, to) == wanted


def test_only_a_listed_address_itself_may_be_inside() -> None:
    assert literal(Origin("http", "10.1.2.3", 80)) == ("10.1.2.3",)
    assert literal(Origin("https", "ehr.example.org", 443)) == ()


def test_headers_hold_the_clients_own_and_never_the_body_s_where_there_is_none() -> None:
    asked = Asked("s1", "active", "rest-hook", "https://ehr.example.org", (("Authorization", "Bearer x"),))
    empty = headers(asked, Parcel("subscriptions", "1", "1/1", b"", "text/plain"))
    assert set(empty) == {"Authorization", "Idempotency-Key"}
    again = headers(asked, Parcel("subscriptions", "1", "1/1", b"{}", "application/fhir+json"))
    assert again["Content-Type"] == "application/fhir+json"
    assert again["Idempotency-Key"] == empty["Idempotency-Key"]


def test_a_database_that_is_away_is_no_reason_to_give_up() -> None:
    async def run() -> Any:
        away = AsyncConnectionPool("host=127.0.0.1 port=1 dbname=x", min_size=0, max_size=1, timeout=0.05, open=False)
        await away.open()
        sender = await RestHook().open(replace(site(), pool=away))
        assert not isinstance(sender, Fault)
        found = await sender.send(Parcel("subscriptions", "1", "1/1", b"", "text/plain", {"subscription": "1"}))
        await away.close()
        return found

    found = asyncio.run(run())
    assert isinstance(found, Fault)
    assert (found.code, found.kind.answer.retry) == ("E570", True)
