"""A webhook's receiver can tell who sent what and whether it had it before; nothing is sent that was not asked for."""

from __future__ import annotations

import asyncio
import base64
import hmac
from dataclasses import replace
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

import pytest

from adapters.http.webhook import Webhook, signature, signing_key
from engine.fault import Fault
from engine.types import Parcel
from tests.acceptance.mllp_peer import site
from tests.conformance.http_peer import Request, as_json, peer

SITE = replace(site(), now=lambda: datetime(2024, 1, 2, 3, 4, 5, tzinfo=UTC))
PARCEL = Parcel("lab.ehr", "123", "lab.ehr|0190|0", b'{"a":1.10}', "application/fhir+json", {})


def posted(*parcels: Parcel, how: str = "accept", **options: Any) -> tuple[list[Any], list[Request]]:
    async def main() -> tuple[list[Any], list[Request]]:
        async with peer(lambda _: as_json({"ok": True})) as one:
            one.how = how
            sender = await Webhook(f"{one.url}/hook?a=b", allow=("127.0.0.0/8",), **options).open(SITE)
            assert not isinstance(sender, Fault), sender
            found = [await sender.send(parcel) for parcel in parcels]
            await sender.close()
            return found, one.requests

    return asyncio.run(main())


def test_the_body_is_posted_as_it_is_with_its_type() -> None:
    [receipt], [request] = posted(PARCEL)
    assert (request.method, request.path, request.body) == ("POST", "/hook?a=b", PARCEL.body)
    assert request.headers["content-type"] == "application/fhir+json"
    assert receipt["status"] == 200


def test_a_receiver_can_check_who_sent_it() -> None:
    """As a receiver of Standard Webhooks 1.0.0 does: HMAC-SHA256 over id, timestamp and body."""
    secret = "whsec_" + base64.b64encode(b"0123456789abcdef01234567").decode()
    _, [request] = posted(PARCEL, secret=secret)
    signed = f"{request.headers['webhook-id']}.{request.headers['webhook-timestamp']}.".encode() + request.body
    mac = hmac.new(b"0123456789abcdef01234567", signed, sha256).digest()
    assert request.headers["webhook-signature"] == "v1," + base64.b64encode(mac).decode()
    assert request.headers["webhook-timestamp"] == "1704164645"


def test_the_signature_is_the_standards_example() -> None:
    """The example of the Standard Webhooks specification, section on signatures."""
    key = signing_key("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    assert isinstance(key, bytes)
    found = signature(key, "msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", b'{"test": 2432232314}')
    assert found == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_the_key_is_the_same_on_every_try_and_tells_nothing() -> None:
    _, requests = posted(PARCEL, PARCEL, replace(PARCEL, idem="lab.ehr|0191|0"))
    keys = [request.headers["idempotency-key"] for request in requests]
    assert keys[0] == keys[1] != keys[2]
    assert all(request.headers["webhook-id"] == request.headers["idempotency-key"] for request in requests)
    assert "lab" not in keys[0]


def test_without_a_secret_nothing_is_signed() -> None:
    _, [request] = posted(PARCEL)
    assert "webhook-signature" not in request.headers


def test_headers_of_the_users_own_are_sent() -> None:
    _, [request] = posted(PARCEL, headers={"Authorization": "Bearer t", "X-Site": "north"}, content_type="text/plain")
    assert (request.headers["authorization"], request.headers["x-site"]) == ("Bearer t", "north")
    assert request.headers["content-type"] == "text/plain"


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({"url": "http:///x"}, "E720"),
        ({"secret": "short"}, "E728"),
        ({"secret": "whsec_notbase64!"}, "E728"),
        ({"secret": "whsec_AAAA"}, "E728"),
        ({"headers": {"Host": "evil"}}, "E728"),
        ({"headers": {"a b": "c"}}, "E728"),
        ({"headers": {"a": "c\r\nX: y"}}, "E728"),
        ({"allow": ("x",)}, "E728"),
    ],
)
def test_options_that_cannot_be_used_are_told_before_anything_is_sent(options: dict[str, Any], code: str) -> None:
    found = asyncio.run(Webhook(**{"url": "https://a.example", **options}).open(SITE))
    assert isinstance(found, Fault)
    assert found.code == code


def test_secrets_are_not_shown() -> None:
    shown = repr(Webhook("https://a.example/T0/secret", secret="a-very-secret-text", headers={"Authorization": "Bearer hidden"}))
    assert "secret-text" not in shown
    assert "hidden" not in shown
    assert "T0" not in shown


@pytest.mark.parametrize("how", ["302", "400", "500", "hang", "close"])
def test_no_fault_tells_the_path_which_may_be_a_secret(how: str) -> None:
    [found], _ = posted(PARCEL, how=how, timeout=0.3)
    assert isinstance(found, Fault)
    assert "hook" not in repr(found)
