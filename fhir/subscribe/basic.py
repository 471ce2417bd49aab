"""Topics as R4 can show them: Basic resources with the elements of R5's SubscriptionTopic as extensions. Pure.

Source: https://hl7.org/fhir/versions.html#extensions (extensions for converting between versions).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from fhir.subscribe.topic import CHANGES, Topic

JSON = dict[str, Any]
R5 = "http://hl7.org/fhir/5.0/StructureDefinition/extension-SubscriptionTopic."
SYSTEM, CODE = "http://hl7.org/fhir/fhir-types", "SubscriptionTopic"
TYPE = "http://hl7.org/fhir/StructureDefinition/"


def id_of(name: str) -> str:
    """A topic's id: its file's name as FHIR allows it."""
    return "topic-" + re.sub(r"[^A-Za-z0-9\-.]", "-", name)[:58]


def basics(topics: Mapping[str, Topic]) -> Iterator[JSON]:
    """Every topic, by file."""
    return (basic(id_of(name), topic) for name, topic in sorted(topics.items()))


def basic(id: str, topic: Topic) -> JSON:
    """One topic."""
    query = [_simple(name, text) for name, text in (("previous", _text(topic, "was")), ("current", _text(topic, "now"))) if text]
    verbs = [verb for verb, change in CHANGES.items() if change in topic.on]
    trigger = [
        {"url": "resource", "valueUri": TYPE + topic.resource},
        *[{"url": "supportedInteraction", "valueCode": verb} for verb in verbs],
        *([{"url": "queryCriteria", "extension": [*query, {"url": "requireBoth", "valueBoolean": True}]}] if query else []),
    ]
    filters = [
        {
            "url": f"{R5}canFilterBy",
            "extension": [
                {"url": "resource", "valueUri": TYPE + topic.resource},
                {"url": "filterParameter", "valueString": name},
            ],
        }
        for name in topic.filters
    ]
    return {
        "resourceType": "Basic",
        "id": id,
        "extension": [
            {"url": f"{R5}url", "valueUri": topic.url},
            *([{"url": f"{R5}title", "valueString": topic.title}] if topic.title else []),
            {"url": f"{R5}status", "valueCode": "active"},
            {"url": f"{R5}resourceTrigger", "extension": trigger},
            *filters,
        ],
        "code": {"coding": [{"system": SYSTEM, "code": CODE}]},
    }


def _simple(name: str, text: str) -> JSON:
    return {"url": name, "valueString": text}


def _text(topic: Topic, name: str) -> str:
    return str(topic.source.get(name, ""))
