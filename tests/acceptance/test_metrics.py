"""Metrics of a real engine: what came in is what became of it, and labels are names of ours only."""

from __future__ import annotations

import time
import urllib.error
import urllib.request
from typing import Any

from prometheus_client.parser import text_string_to_metric_families

from tests.acceptance.running import Engine, Start
from tests.acceptance.test_engine import MESSAGES, talk

ALLOWED = {
    "channel",
    "destination",
    "protocol",
    "message_type",
    "code",
    "reason",
    "model",
    "stage",
    "outcome",
    "rule",
    "severity",
}
OWN = {"le", "version", "implementation", "major", "minor", "patchlevel", "generation"}  # of Prometheus and the build


def scrape(engine: Engine, **headers: str) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    request = urllib.request.Request(f"{engine.http}/metrics", headers=headers)
    with urllib.request.urlopen(request, timeout=10) as answer:
        text = answer.read().decode()
    found: dict[Any, float] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            assert set(sample.labels) <= ALLOWED | OWN, sample
            found[sample.name, tuple(sorted(sample.labels.items()))] = sample.value
    return found


def of(found: dict[Any, float], name: str, **labels: str) -> float:
    return found.get((name, tuple(sorted(labels.items()))), 0.0)


def test_what_was_received_is_processed_held_filtered_or_waiting(own_engine: Start) -> None:
    engine = own_engine()
    bad = MESSAGES[-1]
    assert talk(engine.port("hospital"), *MESSAGES[:6], MESSAGES[4], bad) == ["AA"] * 8
    for _ in range(200):
        found = scrape(engine)
        done = of(found, "engine_messages_processed_total", channel="hospital")
        held = sum(value for (name, _), value in found.items() if name == "engine_quarantined_total")
        if done + held == 7:
            break
        time.sleep(0.1)
    assert of(found, "engine_messages_received_total", channel="hospital") == 7
    assert of(found, "engine_duplicates_total", channel="hospital") == 1
    assert held == 1
    assert of(found, "engine_ack_duration_seconds_count", channel="hospital") == 8
    assert of(found, "engine_acks_total", channel="hospital", code="AA") == 8
    assert {"engine_inflight", "engine_recovered_messages_total", "engine_audit_failures_total"} <= {name for name, _ in found}
    assert of(found, "mirth_messages_received_total", channel="hospital") == 7
    assert of(found, "engine_db_commit_duration_seconds_count") >= 1
    for _ in range(100):  # a look serves for a few seconds
        found = scrape(engine)
        if of(found, "engine_messages_held", channel="hospital") == 1:
            break
        time.sleep(0.1)
    assert of(found, "engine_messages_held", channel="hospital") == 1
    assert of(found, "engine_queue_depth") == 0
    assert of(found, "engine_conservation_deviation", channel="hospital") == 0
    assert of(found, "engine_disk_free_bytes") > 0


def test_metrics_are_for_this_machine_and_for_the_operator(engine: Engine) -> None:
    for headers, status in (
        ({"X-Forwarded-For": "10.0.0.1"}, 403),
        ({"X-Forwarded-For": "10.0.0.1", "Authorization": "Bearer x"}, 403),
    ):
        try:
            scrape(engine, **headers)
            raise AssertionError(headers)
        except urllib.error.HTTPError as error:
            assert error.code == status
    assert scrape(engine, **{"X-Forwarded-For": "10.0.0.1", "Authorization": f"Bearer {engine.note['token']}"})
