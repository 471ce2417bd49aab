"""ECG files as a hospital sends them: over HTTP, as a form, inside HL7; and what is kept of them."""

from __future__ import annotations

import base64
import json
import time
import urllib.request
from uuid import UUID

from adapters.ecg.leads import STANDARD
from adapters.ecg.write import write
from benchmarks.ecg import made
from tests.acceptance.running import Engine
from tests.acceptance.test_engine import get, history, talk


def file(number: int) -> bytes:
    """A made recording as aECG, different from every other number's."""
    written = write(made(number), "aecg")
    assert hasattr(written, "body")
    return bytes(written.body)


def post(engine: Engine, body: bytes, kind: str = "application/octet-stream") -> UUID:
    request = urllib.request.Request(f"{engine.http}/in/ecg", body, {"Content-Type": kind})
    with urllib.request.urlopen(request, timeout=30) as answer:
        assert answer.status == 202
        return UUID(json.load(answer)["id"])


def worked(engine: Engine, id: UUID) -> tuple[str, ...]:
    """Waits until a message is worked; what it wrote."""
    for _ in range(1200):
        done = [event for event in history(engine, id).events if event.state in ("processed", "held")]
        if done:
            assert done[-1].state == "processed", done
            return done[-1].resources
        time.sleep(0.05)
    raise AssertionError("the ECG was not worked in time")


def test_a_posted_ecg_is_kept_as_tracing_measurements_report_and_drawing(engine: Engine) -> None:
    names = worked(engine, post(engine, file(1)))
    [name] = [one for one in names if one.startswith("DiagnosticReport/")]
    report = get(f"{engine.http}/fhir/R4/{name}")
    assert base64.b64decode(report["presentedForm"][0]["data"]).startswith(b"%PDF-1.4")
    tracing = get(f"{engine.http}/fhir/R4/{report['result'][0]['reference']}")
    assert [one["code"]["text"] for one in tracing["component"]] == [f"Lead {lead}" for lead in STANDARD]
    rate = [get(f"{engine.http}/fhir/R4/{one}") for one in names if one.startswith("Observation/")]
    assert any(one["code"]["coding"][0].get("code") == "8867-4" for one in rate if one["code"].get("coding"))


def test_what_the_models_say_follows_the_report_as_an_addendum(engine: Engine) -> None:
    names = worked(engine, post(engine, file(5)))
    [report] = [name for name in names if name.startswith("DiagnosticReport/")]
    for _ in range(1200):
        found = get(f"{engine.http}/fhir/R4/Provenance?_count=100").get("entry", [])
        of = [one["resource"] for one in found if report in str(one["resource"].get("entity"))]
        if of:
            break
        time.sleep(0.05)
    [provenance] = of
    targets = [get(f"{engine.http}/fhir/R4/{one['reference']}") for one in provenance["target"]]
    assert {one["resourceType"] for one in targets} == {"Observation", "DiagnosticReport"}
    addendum = next(one for one in targets if one["resourceType"] == "DiagnosticReport")
    assert "not a medical device" in addendum["conclusion"]


def test_the_same_ecg_again_changes_nothing_however_it_comes(engine: Engine) -> None:
    body = file(2)
    first = post(engine, body)
    names = worked(engine, first)
    before = [get(f"{engine.http}/fhir/R4/{name}")["meta"] for name in names]
    assert post(engine, body) == first
    mark = b'--cut\r\nContent-Disposition: form-data; name="file"; filename="a.xml"\r\n\r\n'
    assert post(engine, mark + body + b"\r\n--cut--\r\n", "multipart/form-data; boundary=cut") == first
    assert engine.command("replay", str(first)).returncode == 0
    for _ in range(600):
        if [event.state for event in history(engine, first).events].count("processed") == 2:
            break
        time.sleep(0.05)
    assert [get(f"{engine.http}/fhir/R4/{name}")["meta"] for name in names] == before


def test_an_ecg_inside_an_hl7_message_reaches_the_patient_of_the_message(engine: Engine) -> None:
    data = base64.b64encode(file(3)).decode()
    message = (
        "MSH|^~\\&|CART|WARD|ISTHMUS|SITE|20260302120000+0000||ORU^R01^ORU_R01|ECG-3|P|2.5.1\r"
        "PID|1||4711^^^SITE&1.2.3.4&ISO^MR||Test^Ecg\rOBR|1||ECG-3|11524-6^ECG^LN|||20260302115500+0000|||||||||||||||||EC|F\r"
        f"OBX|1|ED|11524-6^ECG^LN||^application^xml^Base64^{data}||||||F\r"
    ).encode()
    assert talk(engine.port("hospital"), message) == ["AA"]
    for _ in range(1200):
        found = get(f"{engine.http}/fhir/R4/Observation?code=urn:iso:std:iso:11073:10101|131328&_count=100").get("entry", [])
        mine = [
            one["resource"] for one in found if one["resource"].get("subject", {}).get("identifier", {}).get("value") == "4711"
        ]
        if mine:
            break
        time.sleep(0.05)
    [tracing] = mine
    patient = get(f"{engine.http}/fhir/R4/{tracing['subject']['reference']}")
    assert patient["identifier"][0]["value"] == "4711"


def test_what_is_no_ecg_is_held_with_its_fault(engine: Engine) -> None:
    id = post(engine, b"%PDF-1.4 this is a document")
    for _ in range(1200):
        done = [event for event in history(engine, id).events if event.state == "held"]
        if done:
            break
        time.sleep(0.05)
    shown = engine.command("show", str(id))
    assert b"error[E150]" in shown.stdout + shown.stderr
