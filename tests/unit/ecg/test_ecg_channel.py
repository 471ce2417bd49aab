"""ECG files on their way through a channel: the format and the step."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import pickle
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import ecg_made as made
import msgspec
import numpy as np
import pytest

from adapters.ecg.embedded import encapsulated, holds_ecg
from adapters.ecg.format import PATHS, Ecg, Tracing
from adapters.ecg.forward import Forward, ForwardSignal
from adapters.ecg.step import Ecg as Step
from adapters.ecg.step import Made, Task, perform
from engine.fault import Fault, Kind
from engine.mapping.installed import installed
from engine.mapping.library import load_folder
from engine.plugins import formats
from engine.run import Plan
from engine.run import run as run_plan
from engine.types import Arrival, Envelope, Message, Parcel, Receipt, Site, Work
from fhir.validate import validate
from inference.step import Asked, unpacked

BODY = made.cardiosoft(made.tracing(length=5000))
SITE = Site({}, {}, {}, lambda: datetime.now(UTC), lambda: UUID(int=1))


def work(body: bytes, format: str = "ecg") -> Work:
    document = Ecg().parse(body) if format == "ecg" else None
    received = datetime(2026, 1, 2, tzinfo=UTC)
    return Work(Message(UUID(int=2), 1, "ecg", format, body, received, Envelope()), document)


def run(body: bytes, format: str = "ecg", **options: Any) -> Work | Fault:
    step = Step(**options).compile(SITE)
    assert not isinstance(step, Fault)
    found = step(work(body, format))
    assert isinstance(found, Work | Fault)
    return found


def test_the_same_file_has_the_same_control_id() -> None:
    first, second = Ecg().envelope(BODY), Ecg().envelope(BODY)
    assert first == second
    assert not isinstance(first, Fault)
    assert (first.type, len(first.control_id)) == ("ECG", 64)


def test_paths_name_what_a_recording_states() -> None:
    scope = Ecg().parse(BODY)
    assert isinstance(scope, Tracing)
    found = {text: path.first(scope) for text in PATHS if not isinstance(path := Ecg().path(text), Fault)}
    assert (found["format"], found["rate"], found["patient.id"], found["patient.sex"]) == ("cardiosoft", "500", "C-3", "female")
    assert found["order"] is None
    wrong = Ecg().path("PID-3")
    assert isinstance(wrong, Fault)
    assert wrong.code == "E165"


def test_the_step_measures_draws_and_stores() -> None:
    pytest.importorskip("inference.measure")
    found = run(BODY, draw="pdf, svg", zone="Europe/Berlin")
    assert isinstance(found, Work)
    types = [put.body["resourceType"] for put in found.puts]
    assert {"Observation", "DiagnosticReport", "Binary", "Device", "Provenance"} == set(types)
    assert not [fault for put in found.puts for fault in validate(put.body)]
    report = next(put.body for put in found.puts if put.body["resourceType"] == "DiagnosticReport")
    assert [form["contentType"] for form in report["presentedForm"]] == ["application/pdf", "image/svg+xml"]
    assert report["effectiveDateTime"] == "2019-11-03T09:05:07+01:00"
    (event,) = found.events
    assert event.topic == "ecg"
    assert event.body["measurements"]["heart_rate"] == pytest.approx(75, abs=1)


def test_the_step_finds_the_file_inside_an_hl7_message() -> None:
    message = (
        b"MSH|^~\\&|A|B|C|D|2024||ORU^R01|1|P|2.5\rOBX|1|ED|11524-6^ECG^LN||^application^xml^Base64^"
        + base64.b64encode(BODY)
        + b"||||||F\r"
    )
    assert encapsulated(message) == BODY
    found = run(message, "hl7v2", measure="no", draw="none")
    assert isinstance(found, Work)
    assert not [put for put in found.puts if put.body["resourceType"] == "DiagnosticReport" and "presentedForm" in put.body]


def test_what_is_odd_becomes_a_warning_and_what_is_broken_a_fault() -> None:
    found = run(b"1\n2\n3\n4\n", measure="no")
    assert isinstance(found, Work)
    assert {warning.code for warning in found.warnings} == {"E167"}
    assert isinstance(Ecg().parse(b" \n"), Fault)
    assert isinstance(run(b"\x00\x01"), Fault)
    message = b"MSH|^~\\&|A|B|C|D|2024||ORU^R01|1|P|2.5\rOBX|1|ED|x||^application^xml^Base64^****||||||F\r"
    assert isinstance(run(message, "hl7v2"), Fault)


def test_a_file_that_cannot_be_read_is_held_and_not_filtered_when_its_channel_asks_for_a_path() -> None:
    path = Ecg().path("format")
    assert not isinstance(path, Fault)
    plan = Plan("ecg", "", Ecg(), (), accepts=lambda scope: path.first(scope) == "dicom")
    (fault,) = run_plan(plan, work(b"\x00\x01").message)
    assert fault.code == "E150"


def test_the_work_is_handed_to_another_process_as_one_function_of_plain_values() -> None:
    called: list[Any] = []

    def call(function: Any, *given: Any, timeout: float) -> Any:
        called.append((function, timeout))
        return pickle.loads(pickle.dumps(function))(*pickle.loads(pickle.dumps(given)))

    step = Step(measure="no").compile(replace(SITE, call_slow=call))
    assert not isinstance(step, Fault)
    made = step(work(BODY))
    assert isinstance(made, Work)
    assert called == [(perform, 60.0)]
    assert made.puts == run(BODY, measure="no").puts  # type: ignore[union-attr]
    kept = pickle.loads(pickle.dumps(made.data["ecg"]))
    assert isinstance(kept, Made)
    assert np.array_equal(kept.signal.samples, made.document.recording.samples)
    assert Step.slow


def test_what_befell_the_process_is_the_messages_fault() -> None:
    late = Fault(Kind.INTERRUPTED, "E292", "late")
    step = Step().compile(replace(SITE, call_slow=lambda *_given, timeout: late))
    assert not isinstance(step, Fault)
    assert step(work(BODY)) is late


def test_the_same_file_at_another_time_gives_the_same_resources_but_for_a_provenance_that_is_kept() -> None:
    first, second = (perform(Task(), BODY, datetime(2026, 1, day, tzinfo=UTC)) for day in (1, 2))
    assert isinstance(first, Made) and isinstance(second, Made)
    changed = [a["resourceType"] for a, b in zip(first.resources, second.resources, strict=True) if a != b]
    assert changed == ["Provenance"]
    kept = [put.body["resourceType"] for put in run(BODY, measure="no").puts if put.once]  # type: ignore[union-attr]
    assert kept == ["Provenance"]


def test_an_engine_that_meets_no_ecg_loads_neither_numpy_nor_scipy() -> None:
    code = """
import sys
from pathlib import Path
from engine import http
from engine.deployment import deploy, dry_site
from engine.settings import Settings

async def ask():
    return True, {}

settings = Settings(Path("nowhere"), channels=Path("channels"), mappings=Path("mappings"))
deployed = deploy(settings, dry_site(settings))
assert not deployed.refused, deployed.findings
http.build(deployed.site, ask, ask, "token")
print([name for name in ("numpy", "scipy", "onnxruntime", "adapters.ecg.formats") if name in sys.modules])
"""
    root = Path(__file__).resolve().parents[3]
    found = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=False)
    assert found.stdout.strip() == "[]", found.stdout + found.stderr


def hl7(file: bytes, kind: bytes = b"application^xml") -> bytes:
    head = b"MSH|^~\\&|A|B|C|D|2024||ORU^R01^ORU_R01|1|P|2.5\rPID|1||77^^^H&1.2.3&ISO^MR\rOBR|1|||11524-6^ECG^LN\r"
    return (
        head
        + b"OBX|1|NM|8867-4^Rate^LN||75||||||F\rOBX|2|ED|11524-6^ECG^LN||^"
        + kind
        + b"^Base64^"
        + base64.b64encode(file)
        + b"||||||F\r"
    )


def test_an_ecg_in_hl7_is_of_the_patient_whom_the_mapping_makes_of_the_message(root: Path) -> None:
    message = hl7(BODY)
    library = load_folder(root / "mappings", installed())
    scope = formats()["hl7v2"].parse(message)
    patient = next(put.body for put in library.mappings["oru_r01"].work(scope).puts if put.body["resourceType"] == "Patient")
    found = run(message, measure="no", draw="none")
    assert isinstance(found, Work)
    report = next(put.body for put in found.puts if put.body["resourceType"] == "DiagnosticReport")
    assert report["subject"]["reference"] == f"Patient/{patient['id']}"
    two = message.replace(b"^MR\r", b"^MR~78^^^H&1.2.3&ISO^MR\r")
    told = run(two, measure="no", draw="none")
    assert isinstance(told, Work)
    report = next(put.body for put in told.puts if put.body["resourceType"] == "DiagnosticReport")
    assert "reference" not in report["subject"]


def test_a_report_leaves_as_hl7_with_its_measurements_and_every_drawing_byte_for_byte(root: Path) -> None:
    made = run(BODY, draw="pdf, svg")
    assert isinstance(made, Work)
    bodies = [put.body for put in made.puts]
    report = next(body for body in bodies if body["resourceType"] == "DiagnosticReport")
    report["presentedForm"].insert(1, {"contentType": "text/plain", "url": "http://elsewhere/1"})  # no data: nothing to send
    mapping = load_folder(root / "mappings", installed()).mappings["fhir_to_oru_r01"]
    [scope] = formats()["fhir"].focus(bodies, mapping.reads[1])
    written = mapping.write(scope, datetime(2026, 1, 2, tzinfo=UTC), "1")
    assert isinstance(written, bytes)
    assert encapsulated(written) == base64.b64decode(report["presentedForm"][0]["data"])
    sent = [line.split(b"|") for line in written.split(b"\r") if line.startswith(b"OBX|") and b"|ED|" in line]
    assert [row[5].split(b"^")[1:3] for row in sent] == [[b"application", b"pdf"], [b"image", b"svg+xml"]]
    assert [row[5].split(b"^")[4].decode() for row in sent] == [
        form["data"] for form in report["presentedForm"] if "data" in form
    ]
    assert [row[3].split(b"^")[0] for row in sent] == [b"11524-6", b"11524-6"]
    assert b"|NM|8867-4^^LN^147842^MDC_ECG_HEART_RATE^MDC" in written


def test_messages_with_an_ecg_are_handed_to_its_channel_and_others_are_not() -> None:
    took: list[Arrival] = []

    class Taking:
        async def accept(self, arrivals: Any) -> list[Receipt]:
            took.extend(arrivals)
            return [Receipt(UUID(int=9), duplicate=True)]

    forward, message = Forward(), hl7(BODY)
    assert forward.parcel(work(message)) == message
    assert forward.parcel(work(hl7(b"%PDF-1.4", b"application^pdf"))) is None
    assert forward.parcel(work(hl7(b"").replace(b"|ED|", b"|ST|"))) is None
    parcel = Parcel("hospital.ecg", "", "x", message, meta={"channel": "hospital"})

    async def go() -> Any:
        sender = await forward.open(replace(SITE, intake=Taking()))  # type: ignore[arg-type]
        assert not isinstance(sender, Fault)
        receipt = await sender.send(parcel)
        await sender.close()
        return receipt

    assert asyncio.run(go()) == {"id": str(UUID(int=9)), "duplicate": True}
    [one] = took
    assert (one.channel, one.format, one.body, one.peer) == ("ecg", "ecg", message, "hospital")
    assert one.envelope.control_id == hashlib.sha256(BODY).hexdigest()
    refused = asyncio.run(forward.open(SITE))
    assert isinstance(refused, Fault)
    assert refused.code == "E180"


def test_what_was_read_and_measured_is_handed_over_for_classification() -> None:
    gaps = b"I,II\n0.5,1.5\nnan,2.25\n" + b"1,2\n" * 30
    for body, whole in ((BODY, True), (gaps, False)):
        made = run(body, measure="no", draw="none")
        assert isinstance(made, Work)
        row = json.loads(ForwardSignal("ecg_findings").parcel(made) or b"")
        assert bool(row["scale"]) is whole
        assert np.array_equal(unpacked(msgspec.convert(row, Asked)), made.document.recording.samples, equal_nan=True)
    made = run(BODY, measure="no", draw="none")
    assert isinstance(made, Work)
    row = json.loads(ForwardSignal("ecg_findings").parcel(made) or b"")
    assert (row["digest"], row["rate"], row["patient"]) == (hashlib.sha256(BODY).hexdigest(), 500.0, "C-3")
    assert row["report"] in [
        f"DiagnosticReport/{put.body['id']}" for put in made.puts if put.body["resourceType"] == "DiagnosticReport"
    ]
    assert ForwardSignal("ecg_findings").parcel(work(BODY)) is None


def test_every_format_that_holds_a_file_is_told_by_its_first_bytes() -> None:
    assert holds_ecg(bytes(128) + b"DICM")
    assert holds_ecg(BODY)
    assert not holds_ecg(b"<html><body/></html>")


@pytest.mark.parametrize("options", [{"draw": "gif"}, {"layout": "5x5"}, {"zone": "Mars/Olympus"}])
def test_options_that_cannot_be_are_refused(options: dict[str, str]) -> None:
    found = Step(**options).compile(SITE)
    assert isinstance(found, Fault)
    assert found.code == "E166"
