"""What leaves over HTTP goes to the one place that was named, at an address that may be called, and nowhere else."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from typing import Any

import pytest

from adapters.http_connection import Answer
from adapters.safe_http import Line, Origin, Way, is_public, line, refusal, split
from adapters.safe_tls import Tls, server_context
from engine.fault import Fault, Kind
from tests.acceptance.certificates import Authority
from tests.conformance.http_peer import Peer, Request, as_json, peer

LOOPBACK = ("127.0.0.0/8",)


def opened(url: str, **way: Any) -> Line:
    found = split(url)
    assert not isinstance(found, Fault)
    made = line(found[0], Way(**way))
    assert isinstance(made, Line), made
    return made


def asked(url: str, **way: Any) -> Answer | Fault:
    async def main() -> Answer | Fault:
        far = opened(url, **way)
        try:
            return await far.ask("POST", "/", {}, b"x")
        finally:
            await far.close()

    return asyncio.run(main())


@pytest.mark.parametrize(
    ("url", "origin", "path"),
    [
        ("https://ehr.example.org", Origin("https", "ehr.example.org", 443), "/"),
        ("https://EHR.example.org:8443/a/b?c=d", Origin("https", "ehr.example.org", 8443), "/a/b?c=d"),
        ("http://[::1]:80/x", Origin("http", "::1", 80), "/x"),
    ],
)
def test_an_address_is_taken_apart(url: str, origin: Origin, path: str) -> None:
    assert split(url) == (origin, path)


@pytest.mark.parametrize(
    "url",
    [
        "", "ehr.example.org", "ftp://ehr.example.org", "file:///etc/passwd", "https://user:pass@ehr.example.org/", "https://",
        "https://ehr.example.org@evil.example/", "https://ehr.example.org/#a", "https://ehr.example.org:0/", "https://a:99999/",
        "https://ehr example.org/", "https://ehr.example.org/a b", "https://ehr.example.org\\@evil.example/", "https://[::1/",
        "https://ehr.example.org/\r\nX: y", "https://exämple.org/", "gopher://a/",
    ],
)  # fmt: skip
def test_what_is_no_address_is_refused(url: str) -> None:
    found = split(url)
    assert isinstance(found, Fault)
    assert found.code == "E720"


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("93.184.216.34", True), ("2606:2800:220:1::1", True), ("127.0.0.1", False), ("10.1.2.3", False), ("192.168.1.1", False),
        ("172.16.0.1", False), ("169.254.169.254", False), ("0.0.0.0", False), ("100.64.0.1", False), ("224.0.0.1", False),
        ("255.255.255.255", False), ("::1", False), ("::", False), ("fe80::1", False), ("fd00::1", False), ("ff02::1", False),
        ("::ffff:127.0.0.1", False), ("::ffff:93.184.216.34", True), ("2002:7f00:1::", False), ("64:ff9b::7f00:1", False),
    ],
)  # fmt: skip
def test_which_addresses_are_public(address: str, public: bool) -> None:
    """RFC 6890's special addresses, and those that carry one inside."""
    assert is_public(ipaddress.ip_address(address)) is public


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/", "http://localhost/", "http://2130706433/", "http://0x7f.1/", "http://127.1/", "http://[::1]/",
        "http://[::ffff:127.0.0.1]/", "http://169.254.169.254/latest/", "http://0.0.0.0/",
    ],
)  # fmt: skip
def test_the_machine_itself_and_its_neighbours_are_not_called_unless_allowed(url: str) -> None:
    found = asked(url)
    assert isinstance(found, Fault)
    assert (found.code, found.kind) == ("E721", Kind.FORBIDDEN)


def test_an_allowed_network_is_called_and_no_other() -> None:
    async def main() -> list[Any]:
        async with peer(lambda _: as_json({})) as one:
            found = []
            for allow in (LOOPBACK, ("127.0.0.1",), ("127.0.0.2/32", "10.0.0.0/8")):
                far = opened(one.url, allow=allow)
                answer = await far.ask("POST", "/", {}, b"x")
                found.append(answer.code if isinstance(answer, Fault) else answer.status)
                await far.close()
            return found

    assert asyncio.run(main()) == [200, 200, "E721"]


def test_a_name_is_connected_to_where_it_was_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    """DNS rebinding: the name answers once with a good address, then with another; only the first is ever used."""
    answers = ["127.0.0.1", "127.0.0.2"]

    async def main() -> tuple[int, list[Request]]:
        loop = asyncio.get_running_loop()

        async def resolve(host: str, port: int, **_: Any) -> list[Any]:
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (answers.pop(0), port))]

        monkeypatch.setattr(loop, "getaddrinfo", resolve)
        async with peer(lambda _: as_json({})) as one:
            far = opened(f"http://ehr.example.org:{one.port}", allow=("127.0.0.1",))
            answer = await far.ask("GET", "/a", {})
            await far.close()
            assert isinstance(answer, Answer), answer
            return answer.status, one.requests

    status, [request] = asyncio.run(main())
    assert status == 200
    assert request.headers["host"].startswith("ehr.example.org:")
    assert answers == ["127.0.0.2"]


def test_a_name_that_leads_inside_is_not_called(monkeypatch: pytest.MonkeyPatch) -> None:
    async def main() -> Any:
        loop = asyncio.get_running_loop()

        async def resolve(host: str, port: int, **_: Any) -> list[Any]:
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("192.168.7.7", port))]

        monkeypatch.setattr(loop, "getaddrinfo", resolve)
        return await opened("https://allowed.example.org").ask("GET", "/", {})

    assert asyncio.run(main()).code == "E721"


def test_a_name_that_does_not_resolve_is_tried_again() -> None:
    found = asked("https://nowhere.invalid/")
    assert isinstance(found, Fault)
    assert (found.code, found.kind.answer.retry) == ("E722", True)


def test_nobody_there_is_tried_again() -> None:
    found = asked("http://127.0.0.1:1/", allow=LOOPBACK)
    assert isinstance(found, Fault)
    assert (found.code, found.kind, found.at) == ("E722", Kind.UNAVAILABLE, "http://127.0.0.1:1")


def test_a_redirect_is_not_followed() -> None:
    async def main() -> tuple[Answer | Fault, Peer, Peer]:
        async with peer(lambda _: as_json({})) as inside, peer(lambda _: (302, {"Location": inside.url}, b"")) as one:
            far = opened(one.url, allow=LOOPBACK)
            answer = await far.ask("GET", "/", {"Authorization": "Bearer secret"})
            await far.close()
            return answer, one, inside

    answer, one, inside = asyncio.run(main())
    assert isinstance(answer, Answer)
    assert answer.status == 302
    assert (len(one.requests), inside.requests) == (1, [])


def test_connections_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")  # and the environment's proxy is not used

    async def main() -> int:
        async with peer(lambda _: as_json({})) as one:
            far = opened(one.url, allow=LOOPBACK)
            for _ in range(5):
                assert isinstance(await far.ask("POST", "/", {}, b"x"), Answer)
            await far.close()
            return one.connections

    assert asyncio.run(main()) == 1


def test_an_answer_is_read_so_far_and_no_further() -> None:
    async def main() -> Answer | Fault:
        async with peer(lambda _: (200, {}, b"x" * 5000)) as one:
            far = opened(one.url, allow=LOOPBACK, answer=1000)
            answer = await far.ask("GET", "/", {})
            await far.close()
            return answer

    answer = asyncio.run(main())
    assert isinstance(answer, Answer)
    assert (len(answer.body), answer.whole) == (1000, False)


def test_a_server_is_believed_by_its_certificate_only(tmp_path: Any) -> None:
    authority = Authority(tmp_path, "ca")
    good, other = authority.issue("127.0.0.1"), authority.issue("other.example.org")

    async def main() -> list[Any]:
        found: list[Any] = []
        for (cert, key), ca in ((good, authority.file), (other, authority.file), (good, "")):
            context = server_context(Tls(cert, key))
            assert not isinstance(context, Fault)
            async with peer(lambda _: as_json({}), context) as one:
                far = opened(one.url.replace("http:", "https:"), allow=LOOPBACK, tls=Tls(ca=ca) if ca else None)
                answer = await far.ask("GET", "/", {})
                await far.close()
                found.append(answer.code if isinstance(answer, Fault) else answer.status)
        return found

    assert asyncio.run(main()) == [200, "E722", "E722"]


@pytest.mark.parametrize(
    ("status", "code", "retry"),
    [
        (200, "", False), (204, "", False), (301, "E727", False), (307, "E727", False), (400, "E726", False),
        (401, "E724", True), (403, "E724", True), (407, "E724", True),
        (404, "E726", False), (409, "E726", False), (422, "E726", False), (408, "E725", True), (429, "E725", True),
        (500, "E724", True), (502, "E724", True), (503, "E724", True),
    ],
)  # fmt: skip
def test_each_status_has_its_outcome(status: int, code: str, retry: bool) -> None:
    found = refusal(Answer(status, {}, b""), "https://a")
    assert (found.code, found.kind.answer.retry) == (code, retry) if found else code == ""


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "120"}, 120.0),
        ({"retry-after": " 0 "}, 0.0),
        ({"retry-after": "Fri, 31 Dec 1999 23:59:59 GMT", "date": "Fri, 31 Dec 1999 23:57:59 GMT"}, 120.0),
        ({"retry-after": "Fri, 31 Dec 1999 23:59:59 GMT"}, 0.0),  # no date to count from
        ({"retry-after": "Fri, 31 Dec 1999 23:59:59 GMT", "date": "Sat, 01 Jan 2000 00:00:59 GMT"}, 0.0),
        ({"retry-after": "Fri, 31 Dec 1999 23:59:59", "date": "Fri, 31 Dec 1999 23:57:59 GMT"}, 0.0),
        ({"retry-after": "-5"}, 0.0), ({"retry-after": "1e9"}, 0.0), ({"retry-after": "soon"}, 0.0), ({"retry-after": "\u0661"}, 0.0),
        ({}, 0.0),
    ],
)  # fmt: skip
@pytest.mark.parametrize(("status", "heeded"), [(429, True), (503, True), (500, False), (502, False)])
def test_the_wait_a_far_side_asks_for_is_told(headers: dict[str, str], seconds: float, status: int, heeded: bool) -> None:
    """RFC 9110, section 10.2.3: seconds, or a date; 120 s and that date are its examples."""
    found = refusal(Answer(status, headers, b""), "https://a")
    assert found is not None
    assert found.again == (seconds if heeded else 0.0)


def test_a_network_that_is_none_is_told() -> None:
    found = line(Origin("http", "a", 80), Way(allow=("here",)))
    assert isinstance(found, Fault)
    assert found.code == "E728"
