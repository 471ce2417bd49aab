"""A line in Slack says what it may, links nobody, and tells nobody its address."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from adapters.notify.slack import Slack
from engine.fault import Fault
from engine.types import Parcel
from tests.acceptance.mllp_peer import site
from tests.conformance.http_peer import Request, peer


def posted(how: str = "accept", text: str = "", **alert: Any) -> tuple[Any, list[Request]]:
    async def main() -> tuple[Any, list[Request]]:
        async with peer(lambda _: (200, {}, b"ok")) as one:
            one.how = how
            options = {"text": text} if text else {}
            limit = 0.5 if how == "hang" else 20.0
            sender = await Slack(f"{one.url}/services/T0/B0/secret", allow=("127.0.0.0/8",), timeout=limit, **options).open(
                site()
            )
            assert not isinstance(sender, Fault)
            body = json.dumps({"title": "LOW_SPO2", "say": "below 92 %", "severity": "critical", "turn": "raised", **alert})
            found = await sender.send(
                Parcel("alerts.slack", "", "1", body.encode(), "application/json", {"severity": "critical"})
            )
            await sender.close()
            return found, one.requests

    return asyncio.run(main())


def test_an_alert_is_a_line() -> None:
    receipt, [request] = posted(patient="Mary Canary")
    assert json.loads(request.body)["text"] == "[critical] LOW_SPO2: below 92 % (raised)"
    assert receipt == {"status": 200}


def test_a_value_can_neither_link_nor_call_people() -> None:
    _, [request] = posted(title="<!channel> <https://evil.example|here> &")
    assert "&lt;!channel&gt; &lt;https://evil.example|here&gt; &amp;" in json.loads(request.body)["text"]


def test_its_address_is_a_secret() -> None:
    assert "T0" not in repr(Slack("https://hooks.slack.com/services/T0/B0/secret"))
    for how in ("404", "500", "302", "close"):
        found, _ = posted(how)
        assert isinstance(found, Fault)
        assert "secret" not in repr(found)


def test_what_it_cannot_name_is_told_at_the_start() -> None:
    found = asyncio.run(Slack("https://hooks.slack.com/x", "{patient}").open(site()))
    assert isinstance(found, Fault)
    assert found.code == "E728"
