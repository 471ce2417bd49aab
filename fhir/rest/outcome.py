"""Faults as OperationOutcomes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from engine.fault import Fault, Kind

JSON = dict[str, Any]
SYSTEM = "urn:isthmus:fault"
ISSUES = {
    "E510": "structure", "E511": "required", "E512": "structure", "E513": "code-invalid", "E514": "value", "E515": "structure",
    "E516": "value", "E517": "structure", "E519": "structure", "E520": "structure", "E521": "structure", "E522": "structure", "E523": "not-supported",
    "E551": "not-found", "E552": "deleted", "E566": "too-costly", "E567": "too-costly", "E577": "timeout", "E906": "too-long",
    "E571": "conflict", "E572": "multiple-matches", "E579": "processing", "E582": "not-found",
}  # fmt: skip
STATUS = {
    "E506": 413, "E552": 410, "E553": 405, "E554": 406, "E555": 415,
    "E529": 406, "E579": 422, "E582": 412, "E577": 408, "E578": 414, "E906": 413, "E907": 415, "E571": 412, "E572": 412, "E573": 412,
    "E566": 403, "E567": 403,
}  # fmt: skip
CONTENT = range(510, 525)


def status(fault: Fault) -> int:
    """The HTTP status of a fault: by its code where R4 is exact about it, else by its kind."""
    if fault.code[1:].isdigit() and int(fault.code[1:]) in CONTENT:
        return 422
    return STATUS.get(fault.code, fault.kind.answer.http)


def outcome(faults: Sequence[Fault], severity: str = "error") -> JSON:
    """The OperationOutcome that tells these faults."""
    return {"resourceType": "OperationOutcome", "issue": [issue(fault, severity) for fault in faults]}


def issue(fault: Fault, severity: str) -> JSON:
    """One fault as an issue: its code, its text, where it is and what helps."""
    found: JSON = {
        "severity": "fatal" if fault.kind is Kind.FAULT else severity,
        "code": ISSUES.get(fault.code, fault.kind.answer.issue),
        "details": {"coding": [{"system": SYSTEM, "code": fault.code}], "text": fault.text},
    }
    if fault.help:
        found["diagnostics"] = fault.help
    if fault.at:
        found["expression"] = [fault.at]
    return found


def fine(text: str) -> JSON:
    """An OperationOutcome that says all went well."""
    return {
        "resourceType": "OperationOutcome",
        "issue": [{"severity": "information", "code": "informational", "diagnostics": text}],
    }
