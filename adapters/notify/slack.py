"""The destination `slack`: a line in a channel, through an incoming webhook. Source: Slack's reference of incoming webhooks."""

from __future__ import annotations

from dataclasses import dataclass, field

import msgspec

from adapters.notify.fields import NAMES, fields
from adapters.safe_http import Line, Way, line, refusal, split
from adapters.safe_tls import Tls
from adapters.template import Template, template
from engine.fault import Fault
from engine.types import JSON, Parcel, Sender, Site


@dataclass(frozen=True, slots=True)
class Slack:
    """Posts a line to Slack. What it may name is the engine's own, never a patient's value."""

    url: str = field(repr=False)  # of the incoming webhook; it is a secret: write it as ${NAME}
    text: str = "[{severity}] {title}: {say} ({turn})"  # of the names an alert has, and {channel}, {message}, {type}
    timeout: float = 15.0  # seconds
    connect_timeout: float = 10.0  # seconds
    allow: tuple[str, ...] = ()  # networks or addresses that may be called though they are not public
    tls: Tls | None = None  # ca, where a proxy of your own stands before it

    def check(self) -> Fault | None:
        """What is wrong with the options before anything is opened."""
        found = split(self.url)
        return found if isinstance(found, Fault) else None

    async def open(self, site: Site) -> Sender | Fault:
        """Checks the options."""
        found, text = split(self.url), template(self.text, NAMES, "text")
        for wrong in (found, text):
            if isinstance(wrong, Fault):
                return wrong
        assert isinstance(found, tuple) and isinstance(text, Template)
        far = line(found[0], Way(self.timeout, self.connect_timeout, 1, self.allow, self.tls, 4096))
        return far if isinstance(far, Fault) else SlackSender(far, found[1], text)


class SlackSender:
    """An open way to one webhook. Slack knows no key: a parcel that is repeated is a second line."""

    def __init__(self, far: Line, path: str, text: Template) -> None:
        self._far, self._path, self._text = far, path, text

    async def send(self, parcel: Parcel) -> JSON | Fault:
        """Posts the line."""
        text = self._text.fill({name: escape(value) for name, value in fields(parcel).items()})
        body = msgspec.json.encode({"text": text, "unfurl_links": False})
        answer = await self._far.ask("POST", self._path, {"Content-Type": "application/json"}, body)
        if isinstance(answer, Fault):
            return answer
        return refusal(answer, str(self._far.origin)) or {"status": answer.status}

    async def close(self) -> None:
        """Closes the connection."""
        await self._far.close()


def escape(text: str) -> str:
    """The three characters Slack reads as its own; without them a value can neither link nor call people."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
