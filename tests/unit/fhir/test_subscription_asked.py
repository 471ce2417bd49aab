"""What a Subscription and a topic's file ask for is understood or refused; which endpoints may be told."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from engine.fault import Fault
from fhir.subscribe.allow import Allowed, allowed
from fhir.subscribe.asked import IG, PROFILE, Asked, understand
from fhir.subscribe.criteria import row
from fhir.subscribe.topic import Topic, load
from fhir.validate import validate

NOW = datetime(2026, 3, 1, tzinfo=UTC)
ADMISSION = """
topic: http://example.org/SubscriptionTopic/admission
title: A patient is admitted
resource: Encounter
on: [create, update]
was: status:not=in-progress
now: status=in-progress
filters: [patient, class]
"""


def listed(*hosts: str) -> Allowed:
    found = allowed(hosts)
    assert isinstance(found, Allowed), found
    return found


def admission() -> Topic:
    topic, found = load(ADMISSION, "channels/topics/admission.yaml")
    assert topic is not None, found
    return topic


def of_topic(*filters: str, **channel: Any) -> dict[str, Any]:
    extensions = [{"url": f"{IG}backport-filter-criteria", "valueString": text} for text in filters]
    return {
        "resourceType": "Subscription",
        "id": "s1",
        "meta": {"profile": [PROFILE]},
        "status": "requested",
        "reason": "a test",
        "criteria": "http://example.org/SubscriptionTopic/admission",
        **({"_criteria": {"extension": extensions}} if filters else {}),
        "channel": {
            "type": "rest-hook",
            "endpoint": "https://ehr.example.org/hook",
            "payload": "application/fhir+json",
            **channel,
        },
    }


def read(body: dict[str, Any]) -> Asked | Fault:
    assert validate(body) == []
    topic = admission()
    return understand(body, {topic.url: topic}, listed("ehr.example.org"))


def encounter(status: str, patient: str = "p1") -> dict[str, Any]:
    return {
        "resourceType": "Encounter",
        "id": "e1",
        "status": status,
        "class": {"code": "IMP"},
        "subject": {"reference": f"Patient/{patient}"},
    }


@pytest.mark.parametrize(
    "url",
    [
        "https://ehr.example.org.evil.com/hook",
        "https://ehr.example.org@evil.com/hook",
        "https://evil.com#ehr.example.org",
        "https://evil.com/https://ehr.example.org",
        "https://ehr.example.org:8443/hook",
        "http://ehr.example.org/hook",
        "https://127.0.0.1/hook",
        "https://2130706433/hook",
        "https://0x7f.1/hook",
        "https://[::1]/hook",
        "https://[::ffff:127.0.0.1]/hook",
        "https://169.254.169.254/latest/meta-data",
        "https://sub.ehr.example.org/",
        "https://ehr.example.org./hook",
        "file:///etc/passwd",
        "//ehr.example.org/hook",
        "ehr.example.org/hook",
        "https://user@ehr.example.org/hook",
        "https://ehr.example.org\\@evil.com/hook",
        "https://ehr.example.org/ho ok",
        "https://ehr.example.org/hook\r\nX: y",
        "https://еhr.example.org/hook",
        "https://ehr.example.org:0/",
        "https://ehr.example.org:99999/",
        "https:///hook",
        "",
    ],
)
def test_no_endpoint_but_exactly_those_on_the_list_may_be_told(url: str) -> None:
    found = listed("https://ehr.example.org").check(url)
    assert found is not None
    assert found.code in ("E591", "E592")
    assert "evil" not in repr(found)


def test_endpoints_on_the_list_may_be_told_whatever_their_path() -> None:
    some = listed("ehr.example.org", "https://lab.example.org:8443/", "http://10.1.2.3:8080")
    for url in (
        "https://ehr.example.org/a?b=c",
        "https://EHR.example.org:443/",
        "https://lab.example.org:8443",
        "http://10.1.2.3:8080/x",
    ):
        assert some.check(url) is None, url
    assert Allowed().check("https://ehr.example.org/") is not None


@pytest.mark.parametrize("text", ["*", "https://", "https://ehr.example.org/path", "ftp://ehr.example.org", "https://a b"])
def test_a_list_that_holds_what_is_no_host_is_refused(text: str) -> None:
    found = allowed([text])
    assert isinstance(found, Fault)
    assert found.code == "E594"


def test_a_topic_based_subscription_is_understood() -> None:
    extensions = [
        {"url": f"{IG}backport-heartbeat-period", "valueUnsignedInt": 86400},
        {"url": f"{IG}backport-timeout", "valueUnsignedInt": 30},
        {"url": f"{IG}backport-max-count", "valuePositiveInt": 20},
    ]
    content = {"extension": [{"url": f"{IG}backport-payload-content", "valueCode": "id-only"}]}
    asked = read(of_topic("Encounter?patient=Patient/p1", extension=extensions, _payload=content))
    assert isinstance(asked, Asked), asked
    assert (asked.heartbeat, asked.timeout, asked.group, asked.content) == (86400, 30, 20, "id-only")
    after, before = row(encounter("in-progress"), NOW), row(encounter("arrived"), NOW)
    assert asked.wants("created", after, None)
    assert asked.wants("updated", after, before)
    assert not asked.wants("updated", after, after)
    assert not asked.wants("updated", before, None)
    assert not asked.wants("deleted", None, after)
    assert not asked.wants("created", row(encounter("in-progress", "p2"), NOW), None)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (of_topic() | {"criteria": "http://example.org/SubscriptionTopic/discharge"}, "E593"),
        (of_topic("Encounter?date=2026"), "E593"),
        (of_topic("Observation?patient=p1"), "E590"),
        (of_topic("Encounter?nonsense=1"), "E590"),
        (of_topic(_payload={"extension": [{"url": f"{IG}backport-payload-content", "valueCode": "all"}]}), "E591"),
        (of_topic(extension=[{"url": f"{IG}backport-timeout", "valueString": "10"}]), "E591"),
        (of_topic(endpoint="https://evil.example.org/"), "E592"),
        (of_topic(type="sms"), "E591"),
    ],
)
def test_what_a_topic_based_subscription_cannot_have_is_refused(body: dict[str, Any], code: str) -> None:
    found = read(body)
    assert isinstance(found, Fault)
    assert found.code == code


def test_secrets_are_not_shown() -> None:
    asked = read(of_topic(header=["Authorization: Bearer secret-token"], endpoint="https://ehr.example.org/secret-path"))
    assert isinstance(asked, Asked)
    assert "secret" not in repr(asked)


@pytest.mark.parametrize(
    ("change", "line"),
    [
        (("resource: Encounter", "resource: Nonsense"), 4),
        (("resource: Encounter", "resource: Subscription"), 4),
        (("on: [create, update]", "on: [read]"), 5),
        (("filters: [patient, class]", "filters: [nonsense]"), 8),
        (("topic: http://example.org/SubscriptionTopic/admission", "topic: admission"), 2),
        (("title:", "titel:"), 1),
    ],
)
def test_a_topic_that_cannot_be_used_is_told_with_its_place(change: tuple[str, str], line: int) -> None:
    topic, found = load(ADMISSION.replace(*change), "topics/a.yaml")
    assert topic is None
    assert [(one.code, one.at.line) for one in found] == [("E595", line)]


def test_a_topics_condition_must_be_one_that_can_be_judged() -> None:
    topic, found = load(ADMISSION.replace("now: status=in-progress", "now: patient.name=x"), "topics/a.yaml")
    assert topic is None
    assert [(one.code, one.at.line) for one in found] == [("E590", 7)]
