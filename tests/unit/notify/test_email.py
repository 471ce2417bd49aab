"""An e-mail says what it may, to whom it may, over a line that is safe, and is the same message on every try."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.smtp import SMTP, AuthResult

from adapters.notify.email import Email, EmailSender
from adapters.safe_tls import Tls, server_context
from engine.fault import Fault, Kind
from engine.types import Parcel
from tests.acceptance.certificates import Authority
from tests.acceptance.mllp_peer import site

SITE = replace(site(), now=lambda: datetime(2024, 1, 2, 3, 4, 5, tzinfo=UTC))
ALERT = {"title": "HIGH_HEART_RATE", "say": "The heart rate is above 120 per minute", "severity": "high", "turn": "raised",
         "rule": "high_heart_rate", "subject": "Patient/0190", "patient": "Mary Canary"}  # fmt: skip


def parcel(**more: Any) -> Parcel:
    return Parcel(
        "alerts.ward", "k", "a1|raised|0|ward", json.dumps({**ALERT, **more}).encode(), "application/json", {"severity": "high"}
    )


class Box:
    """What a server has taken."""

    def __init__(self) -> None:
        self.messages: list[tuple[list[str], EmailMessage]] = []
        self.refused: dict[str, str] = {}
        self.users: list[str] = []
        self.transports: list[Any] = []

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: Any) -> str:
        if address in self.refused:
            return self.refused[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        found = message_from_bytes(envelope.content, policy=policy.default)
        assert isinstance(found, EmailMessage)
        self.messages.append((envelope.rcpt_tos, found))
        return "250 OK"

    def authenticate(self, server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
        self.users.append(data.login.decode())
        return AuthResult(success=data.password == b"good")


@asynccontextmanager
async def serving(box: Box, tls: Any = None, implicit: bool = False, **options: Any) -> AsyncIterator[int]:
    class Server(SMTP):
        def connection_made(self, transport: Any) -> None:
            box.transports.append(transport)
            super().connection_made(transport)

    loop = asyncio.get_running_loop()
    made = {"hostname": "localhost", **({} if implicit else {"tls_context": tls}), **options}
    server = await loop.create_server(lambda: Server(box, **made), "127.0.0.1", 0, ssl=tls if implicit else None)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for transport in box.transports:
            if not transport.is_closing():
                transport.abort()
        tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def mailed(
    *parcels: Parcel, box: Box | None = None, serves: Any = None, implicit: bool = False, server: Any = None, **options: Any
) -> tuple[list[Any], Box]:
    """What sending gives, and what the server has taken."""
    box = box or Box()

    async def main() -> list[Any]:
        async with serving(box, serves, implicit, **(server or {})) as port:
            given = {"security": "none", "timeout": 5.0, "to": ("ward@example.org",), **options}
            sender = await Email(f"127.0.0.1:{port}", "isthmus@example.org", **given).open(SITE)
            assert isinstance(sender, EmailSender), sender
            return [await sender.send(one) for one in parcels]

    return asyncio.run(main()), box


def test_an_alert_is_mailed_in_plain_words() -> None:
    [receipt], box = mailed(parcel(), to=("ward@example.org", "second@example.org"))
    [(rcpt, found)] = box.messages
    assert rcpt == ["ward@example.org", "second@example.org"]
    assert found["Subject"] == "[high] HIGH_HEART_RATE"
    assert found["Date"] == "Tue, 02 Jan 2024 03:04:05 +0000"
    assert found.get_content_type() == "text/plain"
    assert "The heart rate is above 120 per minute" in found.get_content()
    assert receipt["refused"] == 0


def test_nothing_of_the_patient_is_in_it() -> None:
    _, box = mailed(parcel())
    assert "Canary" not in box.messages[0][1].as_string()


def test_of_a_parcel_that_is_no_alert_only_its_place_is_told() -> None:
    device = json.dumps({"title": "Mary Canary", "say": "Mary Canary", "subject": "Mary Canary", "id": "Mary Canary"}).encode()
    given = Parcel("devices.mail", "k", "1", device, "application/json", {"channel": "devices", "message": "0190"})
    _, box = mailed(given, subject="{title} {channel} {message}")
    assert box.messages[0][1]["Subject"] == "devices 0190"
    assert "Canary" not in box.messages[0][1].as_string()


def test_a_text_cannot_name_what_is_not_on_the_list() -> None:
    for text in ("{patient}", "{say.__class__}", "{0}", "{}", "{say!r}", "{say:>10}"):
        found = asyncio.run(Email("a:25", "a@b.c", ("a@b.c",), body=text).open(SITE))
        assert isinstance(found, Fault), text
        assert found.code == "E728"


def test_a_value_is_put_in_and_not_read() -> None:
    _, box = mailed(parcel(title="{say} {0.__globals__} %s"))
    assert box.messages[0][1]["Subject"] == "[high] {say} {0.__globals__} %s"


@pytest.mark.parametrize("title", ["a\r\nBcc: evil@example.org", "a\nb", "a\x00b", "a\u2028b", "ä" * 300])
def test_a_value_adds_no_header(title: str) -> None:
    _, box = mailed(parcel(title=title))
    found = box.messages[0][1]
    assert found["Bcc"] is None
    assert found["Subject"].startswith("[high]")
    assert set(found.keys()) <= {"From", "To", "Subject", "Date", "Message-ID", "Auto-Submitted", "MIME-Version", "Content-Type",
                                 "Content-Transfer-Encoding", "X-Peer", "X-MailFrom", "X-RcptTo"}  # fmt: skip


def test_who_is_not_taken_now_is_tried_again_and_alone() -> None:
    box = Box()
    box.refused["second@example.org"] = "451 come again"

    async def main() -> list[Any]:
        async with serving(box) as port:
            to = ("ward@example.org", "second@example.org", "gone@example.org")
            sender = await Email(f"127.0.0.1:{port}", "isthmus@example.org", to, security="none", timeout=5.0).open(SITE)
            assert isinstance(sender, EmailSender)
            box.refused["gone@example.org"] = "550 no such box"
            first = await sender.send(parcel())
            again = await sender.send(parcel())
            del box.refused["second@example.org"]
            return [first, again, await sender.send(parcel())]

    first, again, last = asyncio.run(main())
    assert (first.code, first.kind, again.code) == ("E735", Kind.UNAVAILABLE, "E735")
    assert [rcpt for rcpt, _ in box.messages] == [["ward@example.org"], ["second@example.org"]]
    assert last["refused"] == 1


def test_a_repeated_parcel_has_the_same_message_id() -> None:
    _, box = mailed(parcel(), parcel(), replace(parcel(), idem="other"))
    ids = [found["Message-ID"] for _, found in box.messages]
    assert ids[0] == ids[1] != ids[2]
    assert ids[0].endswith("@example.org>")


def test_one_address_that_is_refused_does_not_keep_it_from_the_others() -> None:
    box = Box()
    box.refused["gone@example.org"] = "550 no such user"
    [receipt], box = mailed(parcel(), box=box, to=("gone@example.org", "ward@example.org"))
    assert receipt["refused"] == 1
    assert box.messages[0][0] == ["ward@example.org"]


@pytest.mark.parametrize(("answer", "code", "retry"), [("550 no", "E734", False), ("451 later", "E735", True)])
def test_a_refusal_is_for_good_or_for_now(answer: str, code: str, retry: bool) -> None:
    box = Box()
    box.refused["ward@example.org"] = answer
    [found], _ = mailed(parcel(), box=box)
    assert isinstance(found, Fault)
    assert (found.code, found.kind.answer.retry) == (code, retry)


@pytest.mark.parametrize(("security", "implicit"), [("starttls", False), ("tls", True)])
def test_it_goes_over_tls_to_a_server_that_proves_its_name(tmp_path: Path, security: str, implicit: bool) -> None:
    authority = Authority(tmp_path, "ca")
    good, other = authority.issue("127.0.0.1"), authority.issue("other.example.org")
    for (cert, key), ca, well in ((good, authority.file, True), (other, authority.file, False), (good, "", False)):
        context = server_context(Tls(cert, key))
        [found], box = mailed(parcel(), serves=context, implicit=implicit, security=security, tls=Tls(ca=ca) if ca else None)
        assert isinstance(found, dict) is well, found
        assert len(box.messages) == well


@pytest.mark.parametrize(("password", "well"), [("good", True), ("bad", False)])
def test_it_says_who_it_is_over_tls(tmp_path: Path, password: str, well: bool) -> None:
    authority = Authority(tmp_path, "ca")
    context = server_context(Tls(*authority.issue("127.0.0.1")))
    box = Box()
    server = {"authenticator": box.authenticate, "auth_required": True}
    given: dict[str, Any] = {"tls": Tls(ca=authority.file), "user": "me", "password": password, "security": "starttls"}
    [found], box = mailed(parcel(), box=box, serves=context, server=server, **given)
    assert (isinstance(found, dict), len(box.messages)) == (well, well)
    assert box.users[0] == "me"
    assert well or found.code in ("E734", "E735")  # after several failures a server may close the line


def test_it_is_not_sent_in_the_clear_where_the_server_offers_no_tls() -> None:
    [found], box = mailed(parcel(), security="starttls")
    assert isinstance(found, Fault)
    assert found.code == "E734"
    assert box.messages == []


def test_nobody_there_is_tried_again() -> None:
    async def main() -> Any:
        sender = await Email("127.0.0.1:1", "a@b.c", ("a@b.c",), security="none").open(SITE)
        assert not isinstance(sender, Fault)
        return await sender.send(parcel())

    found = asyncio.run(main())
    assert (found.code, found.kind) == ("E735", Kind.UNAVAILABLE)


@pytest.mark.parametrize(
    "options",
    [
        {"connect": "mail"},
        {"connect": "mail:0"},
        {"sender": "nobody"},
        {"to": ()},
        {"to": ("a@b.c\r\nRCPT TO:<evil@example.org>",)},
        {"user": "me", "security": "none"},
        {"subject": "{patient}"},
    ],
)
def test_options_that_cannot_be_used_are_told_at_the_start(options: dict[str, Any]) -> None:
    given: dict[str, Any] = {"connect": "mail.example.org:587", "sender": "a@b.c", "to": ("a@b.c",), **options}
    found = asyncio.run(Email(**given).open(SITE))
    assert isinstance(found, Fault)
    assert found.code == "E728"


def test_the_password_is_not_shown() -> None:
    assert "pass-word" not in repr(Email("mail:587", "a@b.c", ("a@b.c",), user="me", password="pass-word"))
