"""Slips an analyst makes in a small set of a channel, a mapping, a table and a rule: each is told once, where it stands, with what to do."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.deployment import deploy, dry_site
from engine.diagnostic import Diagnostic, render
from engine.settings import Settings

FILES = {
    "mappings/site.yaml": """mapping: site
reads: hl7v2 ORU_R01
writes: fhir R4
resources:
  Patient as patient:
    key: PID-3.1
    name: =PID-5
    gender: =PID-8 | table(sex)
  Observation each OBSERVATION:
    key: OBR-3, OBX-3
    status: final
    code: =OBX-3
    subject: =ref(patient)
    effectiveDateTime: =OBX-14 else OBR-7
    valueQuantity if OBX-2 = NM:
      value: =OBX-5
      unit: =OBX-6.2
""",
    "mappings/tables/sex.yaml": "table: sex\nrows:\n  F: female\n  M: male\notherwise: unknown\n",
    "channels/lab.yaml": """channel: lab
source:
  mllp:
    listen: "tcp:127.0.0.1:3576"
    acknowledge: when stored
steps:
  - map: site
  - alert: [potassium]
destinations:
  record: { fhir_store: {} }
  ehr:
    http: { url: "https://example.org/x" }
    retry: every 5s, for 1h
""",
    "channels/alerts/potassium.yaml": """alert: potassium
watches: Observation
if: value > 6.2
unit: mmol/L
clear when: value < 6
""",
}
MAPPING, TABLE, CHANNEL, RULE = FILES


def found(tmp_path: Path, file: str, before: str, after: str) -> list[Diagnostic]:
    """What is said of the set when one text in one of its files is another."""
    for name, text in FILES.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text.replace(before, after, 1) if name == file else text, "utf-8", newline="")
    assert before in FILES[file]
    settings = Settings(tmp_path, channels=tmp_path / "channels", mappings=tmp_path / "mappings")
    return list(deploy(settings, dry_site(settings)).findings)


def test_the_set_itself_has_no_finding(tmp_path: Path) -> None:
    assert found(tmp_path, CHANNEL, "lab", "lab") == []


@pytest.mark.parametrize(
    ("file", "before", "after", "code", "place", "words"),
    [
        # what is missing only because its file has a finding of its own is not told as well
        (MAPPING, "name:", "nam:", "E303", "7:5", "did you mean name?"),
        (MAPPING, "reads: hl7v2 ORU_R01", "reads: hl7v2 ORU_R1", "E317", "2:14", "Did you mean ORU_R01?"),
        (MAPPING, "reads: hl7v2 ORU_R01", "reads: hl7v2 ORU^R01", "E317", "2:14", "Did you mean ORU_R01?"),
        (MAPPING, "fhir R4", "fhir R5", "E317", "3:9", "write `fhir R4`"),
        (TABLE, "otherwise: unknown\n", "", "E321", "1:1", "otherwise: refuse"),
        (RULE, "clear when", "clears when", "E751", "5:1", "did you mean clear when?"),
        # YAML
        (MAPPING, "    name: =PID-5", "    name =PID-5", "E201", "7:5", "`name: …`"),
        (MAPPING, "    name: =PID-5", "    name:=PID-5", "E201", "7:5", "blank behind the colon"),
        (MAPPING, "    name: =PID-5", "    name:\u00a0=PID-5", "E201", "7:10", "no-break space"),
        (MAPPING, "    name: =PID-5", "   name: =PID-5", "E201", "7:4", "as deep as the lines it belongs with"),
        (MAPPING, "    name: =PID-5", "      name: =PID-5", "E201", "7:11", "as deep as the lines it belongs with"),
        # formulas
        (MAPPING, "=PID-8", "PID-8", "E311", "8:13", "a formula begins with =, so write =PID-8"),
        (MAPPING, "=PID-5", "PID-5", "E320", "7:11", "a formula begins with =, so write =PID-5"),
        (MAPPING, "unit: =OBX-6.2", "unit: OBX-6.2", "E324", "17:13", "a formula begins with =, so write =OBX-6.2"),
        (MAPPING, "=OBX-6.2", "=OBX.6.2", "E302", "17:14", "Did you mean OBX-6.2?"),
        (MAPPING, "=PID-8", "=PDI-8", "E302", "8:14", "Did you mean PID?"),
        (MAPPING, "table(sex)", "table sex", "E300", "8:28", "table(sex)"),
        (MAPPING, "else OBR-7", "or OBR-7", "E300", "14:32", "`else`"),
        (MAPPING, "=PID-5", "=PID-5.1 + PID-5.2", "E300", "7:20", "join"),
        (MAPPING, "code: =OBX-3", "code: =OBX-3 if OBX-3 valued", "E300", "12:18", "left of the colon"),
        (MAPPING, "OBX-2 = NM", "OBX-2 == NM", "E318", "15:29", "one ="),
        (MAPPING, "OBX-2 = NM", "OBX-2 is NM", "E318", "15:28", "OBX-2 = NM"),
        (MAPPING, "=OBX-6.2", "=OBX-6.2 else “mg”", "E300", "17:27", 'straight quotes: "…"'),
        # channels
        (CHANNEL, "steps:", "accept if: MSH-9 = ORU^R01\nsteps:", "E326", "6:20", "MSH-9.1 = ORU and MSH-9.2 = R01"),
        (CHANNEL, "steps:", "accept if: MSG-9.1 = ORU\nsteps:", "E302", "6:12", "Did you mean MSH?"),
        (CHANNEL, "channel: lab", "channel: Lab Results", "E225", "1:10", "small letters, digits and underscores"),
        (CHANNEL, "source:", "enabled: nope\nsource:", "E222", "2:10", "true, false, yes or no"),
        (CHANNEL, "listen:", "listens:", "E221", "4:5", "did you mean listen?"),
        (CHANNEL, '"tcp:127.0.0.1:3576"', "3576", "E107", "4:13", "tcp:127.0.0.1:2575"),
        (CHANNEL, "3576", "35760", "", "", ""),
        (CHANNEL, "3576", "75760", "E107", "4:14", "tcp:127.0.0.1:2575"),
        (CHANNEL, "https://example.org/x", "${EHR URL}", "E224", "12:19", "letters, digits and underscores"),
        (CHANNEL, "https://example.org/x", "example.org/x", "E720", "12:19", "https://"),
        (CHANNEL, "every 5s", "5s", "E701", "13:12", "every 5s, doubling to 10m"),
        (CHANNEL, "map: site", "map: sites", "E230", "7:10", "did you mean site?"),
        (CHANNEL, "    retry", "    file: { folder: /tmp }\n    retry", "E222", "13:5", "http and file"),
        (CHANNEL, '    http: { url: "https://example.org/x" }\n', "", "E222", "11:3", "isthmus list destinations"),
        # rules
        (RULE, "watches: Observation", "watches: Observations", "E752", "2:10", "did you mean Observation?"),
        (RULE, "value > 6.2", "value >> 6.2", "E742", "3:5", "'>' is not expected here"),
        (RULE, "value > 6.2", "value over 6.2", "E742", "3:11", "'over' is not expected here"),
        (RULE, "unit:", "escalate: after 10m to ward\nunit:", "E754", "4:24", "add one of this name there"),
        (RULE, "mmol/L", "mmol per L", "E743", "4:7", "for example mmol/L"),
        (RULE, "watches:", "enabled: nope\nwatches:", "E752", "2:10", "true, false, yes or no"),
    ],
)  # fmt: skip
def test_a_slip_is_told_once_where_it_stands(
    tmp_path: Path, file: str, before: str, after: str, code: str, place: str, words: str
) -> None:
    said = found(tmp_path, file, before, after)
    assert [(one.code, f"{one.at.line}:{one.at.column}") for one in said] == ([(code, place)] if code else [])
    for one in said:
        assert one.at.file == file
        assert words in f"{one.text} {one.help}"


def test_a_file_in_another_encoding_is_told_with_the_line(tmp_path: Path) -> None:
    found(tmp_path, CHANNEL, "lab", "lab")
    for file in FILES:
        path = tmp_path / file
        path.write_bytes(FILES[file].encode() + "# für\n".encode("latin-1"))
        settings = Settings(tmp_path, channels=tmp_path / "channels", mappings=tmp_path / "mappings")
        [one] = deploy(settings, dry_site(settings)).findings
        assert (one.code, one.at.file, one.at.line, one.at.column) == ("E201", file, FILES[file].count("\n") + 1, 4)
        assert "UTF-8" in one.help
        render(one).encode("utf-8")  # can be printed
        path.write_text(FILES[file], "utf-8")


def test_a_file_that_would_not_be_read_is_told(tmp_path: Path) -> None:
    found(tmp_path, CHANNEL, "lab", "lab")
    for name in ("channels/new.yml", "mappings/new.yml", "mappings/tables/new.yml", "channels/alerts/new.yml"):
        (tmp_path / name).write_text("channel: new\n", "utf-8")
        settings = Settings(tmp_path, channels=tmp_path / "channels", mappings=tmp_path / "mappings")
        [one] = deploy(settings, dry_site(settings)).findings
        assert (one.code, one.severity, one.at.file) == ("E207", "warning", name)
        assert "new.yaml" in one.help
        (tmp_path / name).unlink()
