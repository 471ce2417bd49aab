"""An alert as a DetectedIssue: of R4's resources the one with a severity, the evidence it rests on, and who acted on it when.

A Flag has neither severity nor evidence; a DetectedIssue's `mitigation` holds the acknowledgement, its `status` the alert's life:
`preliminary` while nobody has taken it on, `final` afterwards. Source: FHIR R4 section 9.11 (DetectedIssue).
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

SEVERITY = {"critical": "high", "high": "high", "medium": "moderate", "low": "low"}
SYSTEM = "urn:isthmus:alert"


def detected_issue(alert: dict[str, Any]) -> dict[str, Any]:
    """The resource of an alert's row."""
    body: dict[str, Any] = {
        "resourceType": "DetectedIssue",
        "id": str(alert["id"]),
        "identifier": [{"system": SYSTEM, "value": str(alert["id"])}],
        "status": "final" if alert["acknowledged_at"] or alert["resolved_at"] else "preliminary",
        "code": {"coding": [{"system": SYSTEM, "code": alert["rule"]}], "text": alert["title"]},
        "severity": SEVERITY[alert["severity"]],
    }
    if str(alert["subject"]).startswith("Patient/"):
        body["patient"] = {"reference": alert["subject"]}
    body["identifiedPeriod"] = {"start": _instant(alert["raised_at"])}
    if alert["resolved_at"]:
        body["identifiedPeriod"]["end"] = _instant(alert["resolved_at"])
    if alert["evidence"]:
        body["evidence"] = [{"detail": [{"reference": alert["evidence"]}]}]
        body["implicated"] = [{"reference": alert["evidence"]}]
    if alert["acknowledged_at"]:
        taken = {"action": {"text": "acknowledged"}, "date": _instant(alert["acknowledged_at"])}
        body["mitigation"] = [{**taken, "author": {"display": alert["acknowledged_by"]}} if alert["acknowledged_by"] else taken]
    body["detail"] = alert["say"]
    return body


def _instant(moment: datetime) -> str:
    return moment.isoformat(timespec="seconds")
