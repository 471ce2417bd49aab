"""Attack 42: no Subscription makes the server call what its operator has not listed, whatever names and redirects lead to."""

from __future__ import annotations

import asyncio
import socket
from typing import Any

import pytest

from tests.integration.subscribe.subscribed import codes, endpoint, observation, served, subscription

URLS = (
    "http://127.0.0.1:PORT/hook",
    "http://localhost:PORT/hook",
    "http://[::1]:PORT/hook",
    "http://[::ffff:127.0.0.1]:PORT/hook",
    "http://2130706433:PORT/hook",
    "http://169.254.169.254/latest/meta-data",
    "http://ehr.example.org.127.0.0.1.nip.io:PORT/",
    "http://ehr.example.org@127.0.0.1:PORT/",
    "https://ehr.example.org:PORT/hook",
    "http://ehr.example.org/hook",
    "file:///etc/passwd",
)
INSIDE = ("127.0.0.1", "10.0.0.1", "169.254.169.254", "::1", "::ffff:127.0.0.1", "64:ff9b::7f00:1")


def test_an_endpoint_that_is_not_listed_is_refused_and_never_called(database: str) -> None:
    with endpoint() as inner, served(database, ("https://ehr.example.org",)) as here:
        made = here.api.post("Subscription", json={**subscription("https://ehr.example.org/"), "status": "off"}).json()
        for url in (one.replace("PORT", inner.url.rpartition(":")[2]) for one in URLS):
            refused = here.api.post("Subscription", json=subscription(url))
            assert refused.status_code in (400, 403, 422), url
            assert codes(refused)[0] in ("E591", "E592"), url
            patch = [{"op": "replace", "path": "/channel/endpoint", "value": url}]
            headers = {"Content-Type": "application/json-patch+json"}
            assert here.api.patch(f"Subscription/{made['id']}", json=patch, headers=headers).status_code in (400, 403, 422), url
        here.api.post("Observation", json=observation())
        assert here.read(f"Subscription/{made['id']}")["channel"]["endpoint"] == "https://ehr.example.org/"
        assert inner.told == []


def test_a_redirect_is_not_followed_and_no_credentials_leave_with_it(database: str) -> None:
    with endpoint() as inner, endpoint(lambda n: 307) as far, served(database, (far.url,)) as here:
        far.location = f"{inner.url}/hook"
        id = here.api.post("Subscription", json=subscription(far.url, header=["Authorization: Bearer abc"])).json()["id"]
        here.api.post("Observation", json=observation())
        assert here.becomes(f"Subscription/{id}", "error")["error"].startswith("E727")
        assert inner.told == []
        assert len(far.told) == 1


def test_a_listed_name_that_leads_to_an_address_inside_is_not_called(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    address = ""

    async def resolved(self: Any, host: str, port: int, **_: Any) -> list[Any]:
        assert host == "rebound.example.org"
        return [(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))]

    monkeypatch.setattr(asyncio.base_events.BaseEventLoop, "getaddrinfo", resolved)
    with endpoint() as inner:
        url = f"http://rebound.example.org:{inner.url.rpartition(':')[2]}"
        with served(database, (url,)) as here:
            for address in INSIDE:
                id = here.api.post("Subscription", json=subscription(url)).json()["id"]
                here.api.post("Observation", json=observation())
                assert here.becomes(f"Subscription/{id}", "error")["error"].startswith("E721"), address
            assert inner.told == []


def test_a_host_that_is_taken_off_the_list_is_told_nothing_more(database: str) -> None:
    with endpoint() as far:
        with served(database, (far.url,)) as here:
            id = here.api.post("Subscription", json=subscription(far.url)).json()["id"]
        with served(database) as here:
            here.api.post("Observation", json=observation())
            assert here.becomes(f"Subscription/{id}", "error")["error"].startswith("E592")
            assert far.told == []


def test_a_listed_name_that_leads_inside_is_called_where_the_operator_says_so(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def resolved(self: Any, host: str, port: int, **_: Any) -> list[Any]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]

    with endpoint() as far:
        port = far.url.rpartition(":")[2]
        with served(database, (f"http://ward.example.org:{port}",), subscription_networks=("127.0.0.0/8",)) as here:
            monkeypatch.setattr(asyncio.base_events.BaseEventLoop, "getaddrinfo", resolved)
            here.api.post("Subscription", json=subscription(f"http://ward.example.org:{port}/"))
            here.api.post("Observation", json=observation())
            assert far.wait(1)[0].headers["Host"] == f"ward.example.org:{port}"
