"""Why a fact differs from what the other side expects: a table, tried from the top."""

from __future__ import annotations

import re
from dataclasses import dataclass

from fhir.coverage.compare import Verdict

UNEXPLAINED = "unexplained"


@dataclass(frozen=True, slots=True)
class Reason:
    """A class of disagreement: which verdicts it explains, and the explanation."""

    name: str
    kinds: str
    path: str
    expected: str
    text: str

    def explains(self, verdict: Verdict) -> bool:
        """Whether this is the reason of a verdict."""
        return (
            verdict.kind in self.kinds.split()
            and re.search(self.path, verdict.path) is not None
            and re.search(self.expected, verdict.expected) is not None
        )


_ROWS: tuple[Reason, ...] = (
    Reason("zone", "zone", "", "",
           "A time without an offset: HL7 makes the offset of MSH-7 the default of its message; the source reads it as UTC."),
    Reason("bad oid", "differ", r"identifier\.system|Identifier\.system", r"urn:oid:[^0-2]",
           "An authority said to be ISO whose id is no OID: urn:oid: with words is no valid URI, so it stays a local name."),
    Reason("oid before namespace", "differ", r"identifier\.system", "",
           "An authority with a namespace and an OID: we take the OID, which is unique in the world, and keep the namespace as "
           "assigner.display; the source takes the namespace."),
    Reason("assigner as text", "missing absent", r"identifier\.assigner", "",
           "The source makes an Organization of an assigning authority; we keep its name in assigner.display."),
    Reason("assigner as text", "absent", r"Organization\.identifier\.(value|system|type)", "",
           "The source makes an Organization of an assigning authority; we keep its name in assigner.display."),
    Reason("name type B", "missing differ", r"Practitioner\.name\.use|Patient\.name\.use", "official",
           "Name type B is a birth name; the guide's NameType map gives it no use, the source calls it official."),
    Reason("day as instant", "missing", r"DiagnosticReport\.issued", r"^\d{4}(-\d\d){0,2}$",
           "A day or year alone is no FHIR instant: issued is left out rather than given a time nobody sent."),
    Reason("specimen from OBR-7 alone", "absent differ missing", r"Specimen|\.specimen", "",
           "The source makes a specimen of every OBR, from its observation time alone; we make one where the order describes it."),
    Reason("visit protection", "missing absent differ", r"Encounter", r"^true$|^1$|^Patient/",
           "PV2-22 becomes meta.security in the source as true; we write Y of table 0136."),
    Reason("reflex order", "differ", r"ServiceRequest\.intent", "",
           "OBR-11 G is a reflex order in the guide's OBR[ServiceRequest]; the source writes order."),
    Reason("code before comment", "differ", r"Specimen\.note\.text", "",
           "A comment sent as CWE: its words are the note; the source puts the code in front."),
    Reason("version of another system", "missing", r"interpretation\.coding\.version", "",
           "The version belongs to table 0078, not to the FHIR code system the interpretation is written in."),
    Reason("unit system", "differ", r"valueQuantity\.system", "^UCUM$", "UCUM's system is a URI; the source leaves its v2 name."),
    Reason("time of day", "differ", r"valueTime", "", "A FHIR time has colons; the source copies the HL7 one."),
    Reason("structured numeric as text", "differ", r"valueString", r"\+",
           "A structured numeric that is no quantity, range or ratio: the guide puts blanks between its parts, the source plus signs."),
    Reason("person at order entry", "missing differ", r"DiagnosticReport\.result", "",
           "Answers asked at order entry (OBX-29 QST or SCI) support the order and are no results: guide ORU_R01."),
    Reason("role of an observer", "missing differ", r"Observation\.performer", "PractitionerRole",
           "An observer of whom neither number nor name was sent is not written."),
    Reason("status not sent", "differ", r"DiagnosticReport\.status", "entered-in-error",
           "Without OBR-25 the status is unknown; the source says entered-in-error."),
    Reason("group number told twice", "missing", r"(DiagnosticReport|ServiceRequest)\.identifier", r"^(FGN|Group Identifier|http)",
           "ORC-4 as EI is the placer's group number; the source writes it as the filler's too."),
    Reason("facility phone alone", "absent", r"Organization\.telecom", "",
           "The ordering facility is written when ORC-21 names it; a telephone number alone (ORC-23) names nobody."),
    Reason("one organization, two spellings", "absent missing", r"Organization|Patient\.generalPractitioner", "",
           "One number and one name are one Organization; the source makes one for each mention."),
    Reason("one person, one resource", "absent missing differ", r"Practitioner", "",
           "One number and one name are one Practitioner with the address told anywhere; the source makes one for each mention."),
    Reason("contact without a number", "absent differ", r"^RelatedPerson", "",
           "A next of kin of whom only the use, period or rank of a number is told, and no number, is not counted as a person."),
    Reason("mother is not the patient", "missing", r"Patient\.link", "",
           "A link says that two records are one person; the mother (PID-21) refers to the patient instead."),
    Reason("pending location", "differ missing absent", r"Encounter\.location|^Location", "",
           "The guide reserves a pending location (PV1-42) and plans a prior pending one (PV2-1); the source maps further location fields."),
    Reason("two orders of one number", "differ missing", r"ServiceRequest", "",
           "Two OBR with one placer number are two orders here; the source writes the last one."),
)  # fmt: skip
REASONS = {row.name: row for row in _ROWS}


def reason(verdict: Verdict, fault: str = "") -> str:
    """The name of the reason, '' for what agrees."""
    if verdict.kind == "agree":
        return ""
    if fault:
        return "refused"
    return next((row.name for row in _ROWS if row.explains(verdict)), UNEXPLAINED)
