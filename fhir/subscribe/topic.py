"""A topic: what happens to resources that programs may ask to be told of. One YAML file each, beside the channels.

topic: http://example.org/SubscriptionTopic/admission   what Subscriptions name
title: A patient is admitted
resource: Encounter
on: [create, update]
was: status:not=in-progress                             the version before; a create has none
now: status=in-progress                                 the version that was written
filters: [patient, class]                               what Subscriptions may narrow it by
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from engine import document
from engine.diagnostic import Diagnostic, Span
from engine.document import Items, Node, Pairs, Text
from engine.fault import Fault, Kind
from fhir import model
from fhir.search.parameters import parameters
from fhir.search.where import Row
from fhir.subscribe.criteria import UNTOLD, Criteria, conditions

CHANGES = {"create": "created", "update": "updated", "delete": "deleted"}
NAMES = ("topic", "title", "resource", "on", "was", "now", "filters")


@dataclass(frozen=True, slots=True)
class Topic:
    """A topic, understood."""

    url: str
    title: str
    resource: str
    on: frozenset[str]  # created, updated, deleted
    was: Criteria | None
    now: Criteria | None
    filters: tuple[str, ...]
    source: Mapping[str, Any]  # as it was written

    @property
    def name(self) -> str:
        """What it is known by."""
        return self.url

    def fires(self, change: str, after: Row | None, before: Row | None) -> bool:
        """Whether a change is an event of this topic. Before a create there was nothing, and after a delete there is nothing."""
        if change not in self.on:
            return False
        if self.was is not None and before is not None and not self.was.holds(before):
            return False
        return self.now is None or after is None or self.now.holds(after)


def read(found: Mapping[str, Any]) -> Topic | Fault:
    """A topic's file, already read as YAML; a Fault E594 names the line that is wrong."""
    unknown = [name for name in found if name not in NAMES]
    if unknown:
        return _wrong(f"a topic has no `{unknown[0][:40]}`", "", f"it has {', '.join(NAMES)}")
    texts = {name: found.get(name, "") for name in ("topic", "title", "resource", "was", "now")}
    if any(not isinstance(text, str) for text in texts.values()):
        return _wrong("a text is expected", next(name for name, text in texts.items() if not isinstance(text, str)))
    url, type = texts["topic"], texts["resource"]
    if urlsplit(url).scheme not in ("http", "https", "urn") or not url.isascii() or not url.isprintable() or " " in url:
        return _wrong("its address is no canonical URL", "topic", "for example http://example.org/SubscriptionTopic/admission")
    if type not in model.resources() or type in UNTOLD:
        return _wrong("no resource type of R4 that can be told of", "resource")
    on = _listed(found.get("on", ["create", "update"]))
    if not on or any(one not in CHANGES for one in on):
        return _wrong("it is not said when it happens", "on", "create, update or delete")
    filters = _listed(found.get("filters", []))
    odd = next((name for name in filters if name not in parameters(type)), None)
    if odd is not None:
        return _wrong(f"{type} has no search parameter {odd[:40]}", "filters")
    was, now = (conditions(type, texts[name], "", name) if texts[name] else None for name in ("was", "now"))
    for one in (was, now):
        if isinstance(one, Fault):
            return one
    assert not isinstance(was, Fault) and not isinstance(now, Fault)
    return Topic(url, texts["title"], type, frozenset(CHANGES[one] for one in on), was, now, tuple(filters), dict(found))


def _listed(value: Any) -> list[str]:
    rows = value if isinstance(value, list) else [value]
    return [one for one in rows if isinstance(one, str)] if all(isinstance(one, str) for one in rows) else []


def _wrong(text: str, at: str, help: str = "see docs/fhir.md") -> Fault:
    return Fault(Kind.INCORRECT, "E595", f"the topic cannot be used: {text}", at, help)


def load(text: str | bytes, file: str) -> tuple[Topic | None, list[Diagnostic]]:
    """The topic of one file, or None, with what is to say about it (entry point `isthmus.folders`). Never raises."""
    node, found = document.read(text, file)
    if not isinstance(node, Pairs):
        return None, found or [
            Diagnostic("E595", "a topic's file is names with values", Span(file), "begin with `topic: http://…`")
        ]
    topic = read({key.text: _plain(value) for key, value in node})
    if isinstance(topic, Fault):
        key = node.key(topic.at)
        return None, [*found, Diagnostic(topic.code, topic.text, key.at if key else Span(file), topic.help)]
    return (None if found else topic), found


def _plain(node: Node) -> Any:
    if isinstance(node, Text):
        return node.text
    return [_plain(one) for one in node.items] if isinstance(node, Items) else {key.text: _plain(one) for key, one in node}
