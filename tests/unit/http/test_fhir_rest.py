"""Another FHIR server gets each resource once, under its own id or found again, with a token that is fresh."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qs

import pytest

from adapters.http import oauth
from adapters.http.fhir_rest import FhirRest
from adapters.http.resources import creates, ordered, updates
from engine.fault import Fault, Kind
from engine.types import Parcel
from fhir.bundle import collect
from fhir.encode import dumps, loads
from tests.acceptance.mllp_peer import site
from tests.conformance.http_peer import Answer, Request, as_json, peer

A, B = "0f4d6c1e-6f0b-5d0a-9a5e-1f6b7c0e4a11", "0f4d6c1e-6f0b-5d0a-9a5e-1f6b7c0e4a12"
PATIENT = {"resourceType": "Patient", "id": A, "identifier": [{"system": "urn:mrn", "value": "1|2"}]}
RESULT = {
    "resourceType": "Observation",
    "id": B,
    "subject": {"reference": f"Patient/{A}"},
    "valueQuantity": {"value": Decimal("7.10")},
}
DONE = as_json({"resourceType": "Bundle", "type": "transaction-response"}, 200, "application/fhir+json")


def bundle(*found: dict[str, Any]) -> Parcel:
    return Parcel("lab.ehr", "1", "lab.ehr|1|0", dumps(collect(list(found))), "application/fhir+json", {})


def sent(
    *parcels: Parcel, takes: Callable[[Request], Answer] = lambda _: DONE, **options: Any
) -> tuple[list[Any], list[Request]]:
    async def main() -> tuple[list[Any], list[Request]]:
        async with peer(takes) as one:
            made = {name: value.replace("HERE", one.url) if isinstance(value, str) else value for name, value in options.items()}
            sender = await FhirRest(f"{one.url}/r4", allow=("127.0.0.0/8",), **made).open(site())
            assert not isinstance(sender, Fault), sender
            found = [await sender.send(parcel) for parcel in parcels]
            await sender.close()
            return found, one.requests

    return asyncio.run(main())


def test_a_transaction_writes_all_under_their_own_ids() -> None:
    [receipt], [request] = sent(bundle(PATIENT, RESULT))
    assert (request.method, request.path) == ("POST", "/r4")
    body = json.loads(request.body)
    assert (body["type"], [entry["request"] for entry in body["entry"]]) == (
        "transaction",
        [{"method": "PUT", "url": f"Patient/{A}"}, {"method": "PUT", "url": f"Observation/{B}"}],
    )
    assert b'"value":7.10' in request.body
    assert request.headers["content-type"] == "application/fhir+json"
    assert receipt["resources"] == 2


def test_the_same_parcel_again_is_the_same_request() -> None:
    _, [first, second] = sent(bundle(PATIENT, RESULT), bundle(PATIENT, RESULT))
    assert (first.body, first.headers["x-request-id"]) == (second.body, second.headers["x-request-id"])


def test_updates_put_what_is_referred_to_first() -> None:
    def takes(_: Request) -> Answer:
        return 200, {"ETag": 'W/"3"'}, b""

    [receipt], requests = sent(bundle(RESULT, PATIENT), takes=takes, write="update")
    assert [(one.method, one.path) for one in requests] == [("PUT", f"/r4/Patient/{A}"), ("PUT", f"/r4/Observation/{B}")]
    assert receipt["calls"] == [{"status": 200, "version": 'W/"3"'}] * 2


def test_resources_that_refer_to_each_other_in_a_circle_are_all_put() -> None:
    one = {"resourceType": "A", "id": "1", "x": {"reference": "B/1"}}
    two = {"resourceType": "B", "id": "1", "x": [{"reference": "A/1"}]}
    assert sorted(call.path for call in updates([one, two])) == ["A/1", "B/1"]
    assert ordered([one, one]) == [one]


def test_a_single_resource_is_created_unless_it_is_there() -> None:
    def takes(_: Request) -> Answer:
        return 201, {"Location": "http://x/r4/Patient/9/_history/1"}, b""

    [receipt], [request] = sent(bundle(PATIENT), takes=takes, write="create", identify={"Patient": "urn:mrn"})
    assert (request.method, request.path) == ("POST", "/r4/Patient")
    assert request.headers["if-none-exist"] == "identifier=urn%3Amrn|1%7C2"
    assert "id" not in json.loads(request.body)
    assert receipt["calls"][0]["location"].endswith("/Patient/9/_history/1")


def test_several_are_created_in_one_transaction_and_refer_to_each_other() -> None:
    call = creates([PATIENT, RESULT], {"Patient": "urn:mrn"})
    patient, result = call.body["entry"]
    assert result["resource"]["subject"]["reference"] == patient["fullUrl"] == f"urn:uuid:{A}"
    assert [one["request"]["ifNoneExist"] for one in (patient, result)] == [
        "identifier=urn%3Amrn|1%7C2",
        f"_tag=urn%3Aisthmus%3Aid|{B}",
    ]
    assert result["resource"]["meta"]["tag"] == [{"system": "urn:isthmus:id", "code": B}]
    assert "id" not in result["resource"]
    assert RESULT["id"] == B  # what came is left as it was


def test_an_identifier_two_resources_share_does_not_make_one_of_them() -> None:
    """Two observations under one order number are two: only systems named by `identify` tell resources apart."""
    order = {"identifier": [{"system": "urn:orders", "value": "7"}]}
    call = creates([{"resourceType": "Observation", "id": "a", **order}, {"resourceType": "Observation", "id": "b", **order}], {})
    assert len({entry["request"]["ifNoneExist"] for entry in call.body["entry"]}) == 2
    assert len({entry["fullUrl"] for entry in call.body["entry"]}) == 2


@pytest.mark.parametrize("body", [b"MSH|", b"[]", b'{"resourceType": "Patient"}', b'{"resourceType": "../x", "id": "1"}',
                                  b'{"resourceType": "Patient", "id": "../../x"}', b'{"resourceType": "Bundle", "entry": [{}]}'])  # fmt: skip
def test_what_is_no_resource_with_an_id_is_not_sent(body: bytes) -> None:
    [found], requests = sent(Parcel("a", "", "1", body))
    assert isinstance(found, Fault)
    assert (found.code in ("E731", "E501"), found.kind.answer.retry, requests) == (True, False, [])


def test_a_refusal_names_the_servers_codes_and_none_of_its_texts() -> None:
    issue = [{"severity": "error", "code": "invariant", "diagnostics": "Mary Canary is unknown"}, {"code": "Mary Canary"}]
    outcome = {"resourceType": "OperationOutcome", "issue": issue}
    [found], _ = sent(bundle(PATIENT), takes=lambda _: as_json(outcome, 422, "application/fhir+json"))
    assert isinstance(found, Fault)
    assert (found.code, found.text) == ("E726", "the far side refuses it (422: invariant)")
    assert "Canary" not in repr(found)


@pytest.mark.parametrize("answer", [(200, {"Content-Type": "text/html"}, b"<html>Please log in</html>"), (200, {}, b"")])
def test_a_page_is_not_taken_for_a_servers_answer(answer: Answer) -> None:
    [found], _ = sent(bundle(PATIENT), takes=lambda _: answer)
    assert isinstance(found, Fault)
    assert (found.code, found.kind) == ("E730", Kind.INTERRUPTED)


def test_a_parcel_without_resources_asks_nothing() -> None:
    [receipt], requests = sent(bundle())
    assert (receipt, requests) == ({"calls": [], "resources": 0}, [])


OAUTH: dict[str, Any] = {"token_url": "HERE/token", "client_id": "me", "client_secret": "s:e cret", "scope": "system/*.write"}


class Authorisation:
    """A server that gives tokens and asks for them."""

    def __init__(self, **told: Any) -> None:
        self.given = 0
        self.known: set[str] = set()
        self.told = told

    def __call__(self, request: Request) -> Answer:
        if request.path == "/token":
            self.given += 1
            token = f"t{self.given}"
            self.known.add(token)
            return as_json({"access_token": token, "token_type": "Bearer", "expires_in": 300, **self.told})
        bearer = request.headers.get("authorization", "").removeprefix("Bearer ")
        return DONE if bearer in self.known else as_json({}, 401)


def test_a_token_is_asked_for_once_and_kept() -> None:
    server = Authorisation()
    found, requests = sent(*[bundle(PATIENT)] * 3, takes=server, **OAUTH)
    assert all(not isinstance(one, Fault) for one in found)
    assert server.given == 1
    asked = requests[0]
    assert parse_qs(asked.body.decode()) == {"grant_type": ["client_credentials"], "scope": ["system/*.write"]}
    pair = base64.b64decode(asked.headers["authorization"].removeprefix("Basic ")).decode()
    assert pair == "me:s%3Ae%20cret"  # RFC 6749 section 2.3.1


def test_many_who_wait_ask_for_one_token() -> None:
    server = Authorisation()

    async def main() -> list[Any]:
        async with peer(server) as one:
            made = {**OAUTH, "token_url": f"{one.url}/token"}
            sender = await FhirRest(f"{one.url}/r4", allow=("127.0.0.0/8",), **made).open(site())
            assert not isinstance(sender, Fault)
            found = await asyncio.gather(*(sender.send(bundle(PATIENT)) for _ in range(8)))
            await sender.close()
            return found

    assert not [one for one in asyncio.run(main()) if isinstance(one, Fault)]
    assert server.given == 1


def test_a_token_is_renewed_before_it_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    monkeypatch.setattr("adapters.http.oauth.time.monotonic", lambda: now)
    server = Authorisation()

    async def main() -> list[int]:
        nonlocal now
        async with peer(server) as one:
            made = {**OAUTH, "token_url": f"{one.url}/token"}
            sender = await FhirRest(f"{one.url}/r4", allow=("127.0.0.0/8",), **made).open(site())
            assert not isinstance(sender, Fault)
            found = []
            for seconds in (0, 269, 2):  # of 300
                now += seconds
                assert not isinstance(await sender.send(bundle(PATIENT)), Fault)
                found.append(server.given)
            await sender.close()
            return found

    assert asyncio.run(main()) == [1, 1, 2]


def test_a_token_the_server_has_forgotten_is_asked_for_anew() -> None:
    server = Authorisation()

    def forgets(request: Request) -> Answer:
        if request.path != "/token" and server.given == 1:
            server.known.clear()
        return server(request)

    [found], requests = sent(bundle(PATIENT), takes=forgets, **OAUTH)
    assert not isinstance(found, Fault)
    assert [one.path for one in requests] == ["/token", "/r4", "/token", "/r4"]


def test_a_server_that_takes_no_token_is_not_asked_for_ever() -> None:
    server = Authorisation()

    def never(request: Request) -> Answer:
        return server(request) if request.path == "/token" else as_json({}, 401)

    [found], requests = sent(bundle(PATIENT), takes=never, **OAUTH)
    assert isinstance(found, Fault)
    assert (found.code, len(requests)) == ("E724", 4)


@pytest.mark.parametrize(
    "answer",
    [
        as_json({"error": "invalid_client"}, 401),
        as_json({"access_token": "t", "token_type": "mac"}),
        as_json({"access_token": "a\r\nb", "token_type": "bearer"}),
        as_json({"access_token": "x" * 20000, "token_type": "bearer"}),
        as_json({"token_type": "bearer"}),
        as_json([]),
        (200, {}, b"<html>"),
        (200, {}, b"x" * 100_000),
    ],
)
def test_without_a_token_nothing_is_sent_and_it_is_tried_again(answer: Answer) -> None:
    [found], requests = sent(bundle(PATIENT), takes=lambda request: answer, **OAUTH)
    assert isinstance(found, Fault)
    assert (found.code, found.kind.answer.retry) == ("E729", True)
    assert [one.path for one in requests] == ["/token"]
    assert "s:e cret" not in repr(found)


@pytest.mark.parametrize("life", ["soon", None, -1, 0, 1e308, "60"])
def test_an_odd_life_of_a_token_is_bounded(life: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("adapters.http.oauth.time.monotonic", lambda: 0.0)
    server = Authorisation(expires_in=life)
    found, _ = sent(bundle(PATIENT), bundle(PATIENT), takes=server, **OAUTH)
    assert not [one for one in found if isinstance(one, Fault)]
    assert server.given == 1  # used a while, whatever it says


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({"url": "nowhere"}, "E720"),
        ({"url": "https://a.example/r4?x=y"}, "E720"),
        ({"token_url": "https://a.example/token"}, "E728"),
        ({"token_url": "x", "client_id": "a", "client_secret": "b"}, "E720"),
        ({"token": "a\nb"}, "E728"),
        ({"allow": ("x",)}, "E728"),
    ],
)
def test_options_that_cannot_be_used_are_told_at_the_start(options: dict[str, Any], code: str) -> None:
    found = asyncio.run(FhirRest(**{"url": "https://a.example/r4", **options}).open(site()))
    assert isinstance(found, Fault)
    assert found.code == code


def test_numbers_keep_their_digits_on_their_way_through() -> None:
    _, [request] = sent(bundle(RESULT))
    found = loads(request.body)
    assert not isinstance(found, Fault)
    assert str(found["entry"][0]["resource"]["valueQuantity"]["value"]) == "7.10"
    assert oauth.LONGEST == 86400.0
