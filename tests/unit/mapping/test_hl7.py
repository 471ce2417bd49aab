"""The language on HL7 messages: groups, references, deletion, repetition, types that arrive with the message."""

from __future__ import annotations

from typing import Any

import pytest

from adapters.hl7v2.format import Hl7v2
from engine.diagnostic import render
from engine.fault import Fault
from engine.mapping.installed import installed
from engine.mapping.library import build
from engine.mapping.mapping import Mapping, _run
from engine.mapping.run import Run
from engine.types import Put

MESSAGE = "\r".join([
    r"MSH|^~\&|L|LAB|E|EHR|20260101120000+0100||ORU^R01^ORU_R01|1|P|2.5.1",
    "PID|1||7^^^H^MR~8^^^G^MR||Doe^Jane||19800101|F|||||555||||||||||||||||||",
    "PV1|1|I|||||A1^Ash~B2^Birch||||||||||||V9",
    "OBR|1||F1|CBC^Count^L|||20260101",
    "OBX|1|NM|HB^Hb^L||13.20|g/dL|||||F",
    "NTE|1||first",
    "OBX|2|ST|COL^Colour^L||yellow~clear||||||F",
    "OBR|2||F2|NA^Sodium^L|||20260102",
    "OBX|1|NM|NA^Na^L||140|mmol/L|||||F",
    "OBX|2|NM|NA^Na^L||141|mmol/L|||||F",
])  # fmt: skip
HEAD = "mapping: it\nreads: hl7v2 ORU_R01\nwrites: fhir R4\nresources:\n"
PATIENT = "  Patient as patient:\n    key: PID-3.1, PID-3.4\n    update: merge\n    name: =PID-5\n    telecom: =PID-13\n"
RESULTS = """  Observation as results each OBSERVATION:
    key: OBR-3, OBX-3, occurrence
    status: final
    code: =OBX-3
    subject: =ref(patient, must)
    valueQuantity if OBX-2 = NM: { value: =OBX-5, unit: =OBX-6.1 }
    valueString if OBX-2 in (ST, TX): =OBX-5 | lines
    note each NTE: { text: =NTE-3 }
"""
REPORT = """  DiagnosticReport as report each ORDER_OBSERVATION:
    key: OBR-3
    status: final
    code: =OBR-4
    result: =ref(results)
"""
FORMAT = Hl7v2()


def mapping(text: str) -> Mapping:
    library = build({"it.yaml": HEAD + text}, installed())
    assert library.sound, "\n".join(map(render, library.diagnostics))
    return library.mappings["it"]


def scope(message: str = MESSAGE) -> Any:
    parsed = FORMAT.parse(message.encode())
    assert not isinstance(parsed, Fault)
    return parsed


def run(text: str, message: str = MESSAGE) -> list[dict[str, Any]]:
    made = mapping(text).run(scope(message))
    assert isinstance(made, list), [str(fault) for fault in made]
    return [put.body for put in made]


def faults(text: str, message: str = MESSAGE) -> list[tuple[str, str]]:
    made = mapping(text).run(scope(message))
    assert isinstance(made, tuple)
    return [(fault.code, fault.at) for fault in made]


def test_a_report_refers_to_the_results_of_its_own_order() -> None:
    bodies = run(PATIENT + RESULTS + REPORT)
    results = [f"Observation/{body['id']}" for body in bodies if body["resourceType"] == "Observation"]
    reports = [[one["reference"] for one in body["result"]] for body in bodies if body["resourceType"] == "DiagnosticReport"]
    assert reports == [results[:2], results[2:]]


def test_a_result_refers_to_the_report_of_its_own_order() -> None:
    report = REPORT.replace("    result: =ref(results)\n", "")
    back = RESULTS.replace("subject: =ref(patient, must)", "focus: =ref(report)")
    bodies = run(report + back)
    reports = [f"DiagnosticReport/{body['id']}" for body in bodies if body["resourceType"] == "DiagnosticReport"]
    focus = [body["focus"][0]["reference"] for body in bodies if body["resourceType"] == "Observation"]
    assert focus == [reports[0], reports[0], reports[1], reports[1]]


def test_decimals_keep_their_digits_and_text_its_lines() -> None:
    first, second = run(PATIENT + RESULTS)[1:3]
    assert str(first["valueQuantity"]["value"]) == "13.20"
    assert second["valueString"] == "yellow\nclear"
    assert first["note"] == [{"text": "first"}]


def test_a_second_resource_with_the_same_key_gets_its_occurrence() -> None:
    ids = [body["id"] for body in run(PATIENT + RESULTS)]
    assert len(set(ids)) == 5
    without = [body["id"] for body in run(PATIENT + RESULTS, MESSAGE.rpartition("\r")[0])]
    assert without == ids[:4]


def test_two_different_resources_with_one_key_hold_the_message() -> None:
    assert faults(PATIENT + RESULTS.replace(", occurrence", "")) == [("E405", "mappings/it.yaml:10")]


def test_two_equal_resources_with_one_key_are_one() -> None:
    text = "  Organization each OBSERVATION:\n    key: MSH-4\n    name: =MSH-4.1\n"
    assert [body["name"] for body in run(text)] == ["LAB"]


def test_a_key_of_nothing_holds_the_message() -> None:
    assert faults("  Patient:\n    key: PID-2\n    name: =PID-5\n") == [("E404", "mappings/it.yaml:5")]


@pytest.mark.parametrize("key", ['PID-2, "person"', 'PID-2 else "person"', '"person", PID-2 else PID-4, occurrence'])
def test_a_text_of_the_mapping_tells_nothing_apart(key: str) -> None:
    """Two persons of whom nothing is known but that text would be one."""
    assert faults(f"  Patient:\n    key: '{key}'\n    name: =PID-5\n") == [("E404", "mappings/it.yaml:5")]


def test_what_is_known_by_a_text_alone_is_the_same_in_all_messages() -> None:
    text = "  Organization:\n    key: '\"we\"'\n    name: =MSH-4.1\n"
    [one], [other] = run(text), run(text, MESSAGE.replace("|LAB|", "|OTHER|"))
    assert one["id"] == other["id"]


def test_a_reference_that_must_stand_holds_the_message_without_it() -> None:
    found = faults(PATIENT.replace("Patient as patient:", "Patient as patient if PID-2 valued:") + RESULTS)
    assert {code for code, _ in found} == {"E406"}


def test_a_field_sent_as_null_clears_the_element_and_an_empty_one_does_not() -> None:
    nulled, empty = (mapping(PATIENT).run(scope(MESSAGE.replace("|555|", sent))) for sent in ('|""|', "||"))
    assert [(put.merge, put.clear) for put in nulled if isinstance(put, Put)] == [(True, ("telecom",))]
    assert [(put.merge, put.clear) for put in empty if isinstance(put, Put)] == [(True, ())]


def test_one_resource_for_each_repetition_and_references_between_them_hold() -> None:
    text = """  Practitioner as doctor each PV1-7:
    key: PV1-7.1
    name: { family: =PV1-7.2.1 }
  Encounter:
    key: PV1-19.1
    status: in-progress
    class: =PV1-2
    participant each PV1-7:
      individual: =ref(doctor)
"""
    first, second, encounter = run(text)
    assert [one["name"][0]["family"] for one in (first, second)] == ["Ash", "Birch"]
    people = [one["individual"]["reference"] for one in encounter["participant"]]
    assert people == [f"Practitioner/{first['id']}", f"Practitioner/{second['id']}"]


def test_what_is_converted_can_be_added_to() -> None:
    text = PATIENT + "    identifier:\n      =: =PID-3\n      use: old\n"
    (body,) = run(text)
    assert [(one["value"], one["use"]) for one in body["identifier"]] == [("7", "old"), ("8", "old")]


def test_fixed_texts_beside_an_empty_field_write_nothing() -> None:
    text = (
        PATIENT + "    contact:\n      gender: unknown\n      name: =NK1-2\n    communication:\n      language: { text: any }\n"
    )
    (body,) = run(text)
    assert "contact" not in body
    assert body["communication"] == [{"language": {"text": "any"}}]


def test_an_unreadable_value_holds_the_message_or_is_left_out_with_a_warning() -> None:
    text = PATIENT + "    birthDate: =PID-7\n"
    odd = MESSAGE.replace("19800101", "yesterday")
    assert [(code[0], at) for code, at in faults(text, odd)] == [("E", "PID[1]-7")]
    made = mapping(text.replace("=PID-7", "=PID-7 | readable")).work(scope(odd))
    assert not isinstance(made, tuple)
    assert "birthDate" not in made.puts[0].body
    assert [fault.at for fault in made.warnings] == ["PID[1]-7"]


def test_a_type_that_arrives_unexpectedly_holds_the_message() -> None:
    text = PATIENT + RESULTS.replace("valueQuantity if OBX-2 = NM: { value: =OBX-5, unit: =OBX-6.1 }", "valueQuantity: =OBX-5")
    assert ("E403", "OBX[2]-5[1]") in faults(text)


def test_the_traced_way_writes_the_same_resources() -> None:
    made = mapping(PATIENT + RESULTS + REPORT)
    assert _run(made.traced, scope(), Run(), made.plan.model) == made.run(scope())


def test_lineage_tells_the_bytes_of_a_value() -> None:
    lineage = {one.target: one for one in mapping(PATIENT + RESULTS).trace(scope())}
    value = lineage["Observation[2].valueQuantity.value"]
    assert (value.path, MESSAGE.encode()[value.start : value.end]) == ("OBX[1]-5", b"13.20")
    assert value.rule.line == 15
    code = lineage["Observation[4].code"]
    assert (code.path, MESSAGE.encode()[code.start : code.end]) == ("OBX[3]-3", b"NA^Na^L")


def test_an_order_does_not_find_what_is_another_order_s() -> None:
    doctor = "  Practitioner as orderer each OBR-16:\n    key: OBR-16.1\n    identifier: { value: =OBR-16.1 }\n"
    request = """  ServiceRequest each ORDER_OBSERVATION:
    key: OBR-3
    status: active
    intent: order
    subject: { display: any }
    requester: =ref(orderer)
"""
    message = MESSAGE.replace("OBR|1||F1|CBC^Count^L|||20260101", "OBR|1||F1|CBC^Count^L|||20260101|||||||||D1^Doc")
    bodies = [body for body in run(doctor + request, message) if body["resourceType"] == "ServiceRequest"]
    assert ["requester" in body for body in bodies] == [True, False]


def test_two_fields_can_be_compared() -> None:
    text = PATIENT.replace("Patient as patient:", "Patient as patient if {}:")
    assert len(run(text.format("PID-3.1 same PID-3[1].1"))) == 1
    assert run(text.format("PID-3.1 not same PID-3[1].1")) == []
    assert run(text.format("PID-3.1 same PID-3[2].1")) == []
    assert run(text.format("PID-2 same PID-4")) == []


def test_a_resource_can_begin_with_what_a_field_converts_to() -> None:
    text = "  Practitioner each PV1-7:\n    key: PV1-7.1\n    =: =PV1-7\n    active: true\n"
    first, _ = run(text)
    assert (first["resourceType"], first["name"][0]["family"], first["active"]) == ("Practitioner", "Ash", True)


def test_a_mapping_may_be_made_of_parts_alone() -> None:
    part = "part: people\nresources:\n" + PATIENT
    whole = HEAD.replace("resources:\n", "include: people\n")
    library = build({"people.yaml": part, "it.yaml": whole}, installed())
    assert library.sound, "\n".join(map(render, library.diagnostics))
    made = library.mappings["it"].run(scope())
    assert isinstance(made, list)
    assert [put.body["resourceType"] for put in made] == ["Patient"]


def test_a_test_before_each_is_asked_once_for_all_instances() -> None:
    text = (
        PATIENT
        + """  Observation each OBSERVATION:
    key: OBR-3, OBX-3, occurrence
    status: final
    code: =OBX-3
    component if OBX-5 repeats each OBX-5:
      code: =OBX-3
      valueString: =OBX-5 | text
"""
    )
    bodies = run(text)[1:]
    assert [[one["valueString"] for one in body.get("component", ())] for body in bodies] == [[], ["yellow", "clear"], [], []]


def test_one_cause_is_told_once() -> None:
    text = PATIENT.replace("key: PID-3.1, PID-3.4", "key: PID-8 | table(sex)") + RESULTS
    table = "table: sex\nrows: { M: male }\notherwise: refuse\n"
    library = build({"it.yaml": HEAD + text, "tables/sex.yaml": table}, installed())
    made = library.mappings["it"].run(scope())
    assert isinstance(made, tuple)
    assert [fault.code for fault in made] == ["E402"]
