"""Alerts for people: a critical result over MLLP, seen on the command line and over HTTP, taken on, tried again on stored data."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from datetime import UTC, datetime
from typing import Any

from tests.acceptance.running import Engine, Start
from tests.acceptance.test_engine import get, talk
from tests.crash.far import Far


def critical(number: str, value: str, minute: int = 0) -> bytes:
    """A potassium of today."""
    at = datetime.now(UTC).replace(minute=minute).strftime("%Y%m%d%H%M%S+0000")
    lines = (
        rf"MSH|^~\&|LAB|HOSP|EHR|HOSP|{at}||ORU^R01^ORU_R01|{number}|P|2.5.1",
        "PID|1||A17^^^HOSP^MR||Canary^Alert||19700101|F",
        f"OBR|1||{number}|24323-8^Panel^LN|||{at}",
        f"OBX|1|NM|2823-3^Potassium^LN||{value}|mmol/L|||||F|||{at}",
    )
    return "\r".join((*lines, "")).encode()


def alerts(engine: Engine, *options: str) -> list[dict[str, Any]]:
    return list(json.loads(engine.command("alert", "list", "--json", *options).stdout))


def raised(engine: Engine) -> dict[str, Any]:
    for _ in range(300):
        if found := get(f"{engine.http}/alerts?rule=critical_potassium"):
            return dict(found[0])
        time.sleep(0.05)
    raise AssertionError("no alert was raised")


def refusal(request: urllib.request.Request) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, ""
    except urllib.error.HTTPError as error:
        return error.code, str(json.load(error)["code"])


def test_an_alert_is_seen_taken_on_and_told_again_by_a_trial(own_engine: Start) -> None:
    engine = own_engine()
    assert talk(engine.port("hospital"), critical("K1", "7.1")) == ["AA"]
    alert = raised(engine)
    assert (alert["rule"], alert["severity"], alert["state"]) == ("critical_potassium", "critical", "raised")
    assert [each["id"] for each in alerts(engine)] == [alert["id"]]
    url = f"{engine.http}/alerts/{alert['id']}/acknowledge"
    body, token = b'{"by": "Dr. Novak"}', {"Authorization": f"Bearer {engine.note['token']}"}
    assert refusal(urllib.request.Request(url, body, method="POST")) == (403, "E905")
    for wrong in (b"", b"[]", b'{"by": ""}', b'{"by": 7}', b'{"by": "a\\u0000"}'):
        assert refusal(urllib.request.Request(url, wrong, token, method="POST")) == (400, "E766")
    done = engine.command("alert", "ack", alert["id"], "--by", "Dr. Novak")
    assert done.returncode == 0, done.stderr
    shown = get(f"{engine.http}/alerts/{alert['id']}")
    assert (shown["state"], shown["acknowledged_by"]) == ("acknowledged", "Dr. Novak")
    assert [each["turn"] for each in shown["history"]] == ["raised", "acknowledged"]
    issue = get(f"{engine.http}/fhir/R4/DetectedIssue/{alert['id']}")
    assert issue["status"] == "final"
    assert refusal(urllib.request.Request(url, body, token, method="POST")) == (404, "E765")
    assert engine.command("alert", "ack", "00000000-0000-0000-0000-000000000000").returncode == 1
    tried = engine.command("alert", "test", "critical_potassium", "--since", "2d", "--json", "--channels", str(engine.channels))
    result = json.loads(tried.stdout)
    assert [(each["turn"], each["subject"], each["evidence"]) for each in result["happened"]] == [
        ("raised", alert["subject"], alert["evidence"])
    ]
    assert alerts(engine, "--state", "all") == alerts(engine)  # the trial raised nothing


def test_a_rule_that_is_not_there_and_a_time_that_is_none_are_said(engine: Engine) -> None:
    missing = engine.command("alert", "test", "critical_helium", "--channels", str(engine.channels))
    assert missing.returncode == 1
    assert b"E753" in missing.stderr
    assert engine.command("alert", "quiet", "--rule", "low_spo2", "--for", "a while").returncode == 2
    assert engine.command("alert", "quiet", "--rule", "low_spo2").returncode == 2


def test_quiet_times_are_kept_listed_and_ended(engine: Engine) -> None:
    rows = json.loads(
        engine.command("alert", "quiet", "--rule", "low_spo2", "--for", "2h", "--reason", "exchange", "--json").stdout
    )
    assert [(row["rule"], row["subject"], row["reason"]) for row in rows] == [("low_spo2", "", "exchange")]
    assert json.loads(engine.command("alert", "quiet", "--end", str(rows[0]["id"]), "--json").stdout) == []
    assert engine.command("alert", "quiet", "--end", str(rows[0]["id"])).returncode == 1
    slip = engine.command("alert", "quiet", "--rule", "low_sp02", "--for", "1s")
    assert b"no rule here is called low_sp02; did you mean low_spo2?" in slip.stderr


def test_a_ward_is_told_of_an_alert_in_hl7_with_whom_it_is_about_and_what_it_rests_on(own_engine: Start) -> None:
    engine, ward = own_engine(), Far(("busy", "honest"), 3)  # turned away now and then
    rule = engine.channels / "alerts" / "critical_potassium.yaml"
    rule.write_text(rule.read_text() + "notify: [ward]\n")
    to = f'ward: {{ map: alert_to_oru_r01, mllp: {{ connect: "tcp:127.0.0.1:{ward.port}" }}, retry: every 100ms }}'
    (engine.channels / "alerts.yaml").write_text(f"channel: alerts\ndestinations:\n  {to}\n")
    assert engine.command("deploy").returncode == 0
    assert talk(engine.port("hospital"), critical("K1", "7.1")) == ["AA"]
    alert = raised(engine)
    assert engine.command("alert", "ack", alert["id"], "--by", "Dr. Novak").returncode == 0
    until = time.monotonic() + 30
    while len(ward.acked) < 2 and time.monotonic() < until:
        time.sleep(0.05)
    ward.close()
    assert len(ward.acked) == 2
    first, second = (rows(body) for body in dict.fromkeys(ward.bodies))  # a repeated try carries the same bytes
    assert first["MSH"][0][8] == "ORU^R01^ORU_R01"
    assert first["PID"][0][3].split("^")[0] == "A17"
    assert first["PID"][0][5] == "Canary^Alert"
    assert {first["OBR"][0][3], second["OBR"][0][3]} == {f"{alert['id']}^ISTHMUS"}
    assert [(row[3].split("^")[0], row[5]) for row in first["OBX"]] == [
        ("ALERT", "Potassium is at or beyond 2.5 or 6.5 mmol/L"), ("SEVERITY", "high"), ("2823-3", "7.1"),
    ]  # fmt: skip
    assert ("ACKNOWLEDGED", "Dr. Novak") in [(row[3].split("^")[0], row[5]) for row in second["OBX"]]
    assert (first["OBR"][0][25], second["OBR"][0][25]) == ("P", "F")


def rows(body: bytes) -> dict[str, list[list[str]]]:
    """A message's segments by name, each as its fields numbered as in HL7 (MSH one less)."""
    found: dict[str, list[list[str]]] = {}
    for line in body.decode().split("\r"):
        found.setdefault(line[:3], []).append(line.split("|"))
    return found
