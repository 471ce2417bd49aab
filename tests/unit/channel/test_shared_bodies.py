"""What several destinations of a channel are sent alike is made once for a message, and never for another one."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from adapters.hl7v2.format import envelope_of
from adapters.hl7v2.header import read_header
from engine.deployment import deploy, dry_site
from engine.fault import Fault
from engine.run import Plan, run
from engine.settings import Settings
from engine.types import Message, Parcel, Work
from engine.uuid7 import uuid7

CHANNEL = """channel: lab
source: { mllp: { listen: "tcp:127.0.0.1:0" } }
steps: [ { map: oru_r01 } ]
destinations:
  one: { map: fhir_to_oru_r01, mllp: { connect: "tcp:127.0.0.1:1" }, if: MSH-3 = LAB }
  two: { map: fhir_to_oru_r01, mllp: { connect: "tcp:127.0.0.1:2" } }
  hook: { http: { url: "http://127.0.0.1:3/" } }
  other: { http: { url: "http://127.0.0.1:4/" } }
"""
REPORT = (
    "MSH|^~\\&|{sender}|SITE|I|I|20260302120000+0000||ORU^R01^ORU_R01|{id}|P|2.5.1\r"
    "PID|1||7^^^SITE^MR||Doe^Jo\r"
    "OBR|1||{id}^LAB|24323-8^Panel^LN|||20260302115500+0000||||||||||||||||||F\r"
    "OBX|1|NM|2951-2^Sodium^LN||140|mmol/L^^UCUM||N|||F\r"
)


def plan(folder: Path) -> Plan:
    (folder / "lab.yaml").write_text(CHANNEL)
    settings = Settings(data=folder / "data", channels=folder)
    found = deploy(settings, dry_site(settings))
    assert not found.refused, found.findings
    return found.plans["lab"]


def sent(plan: Plan, id: str, sender: str) -> dict[str, Parcel]:
    body = REPORT.format(id=id, sender=sender).encode()
    header = read_header(body)
    assert not isinstance(header, Fault)
    message = Message(uuid7(), 1, "lab", "hl7v2", body, datetime.now(UTC), envelope_of(header, body))
    work = run(plan, message)
    assert isinstance(work, Work), work
    return {parcel.destination.partition(".")[2]: parcel for parcel in work.parcels}


def test_what_is_sent_alike_is_made_once_for_each_message(tmp_path: Path) -> None:
    lab = plan(tmp_path)
    first = sent(lab, "A1", "LAB")
    assert first["one"].body is first["two"].body
    assert first["hook"].body is first["other"].body
    assert first["one"].idem != first["two"].idem
    assert b"A1^LAB" in first["one"].body
    assert b'"resourceType":"Bundle"' in first["hook"].body
    second = sent(lab, "A2", "WARD")
    assert sorted(second) == ["hook", "other", "two"]
    assert b"A2^LAB" in second["two"].body
    assert b"A1" not in second["two"].body + second["hook"].body
