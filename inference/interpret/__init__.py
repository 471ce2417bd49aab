"""From probabilities, measurements and quality to findings that say what, how severe and why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from inference.interpret.table import SEVERITIES, Measured, Rule, Table, shipped
from inference.notice import NOTICE

UNITS = {"heart_rate": "beats a minute", "pr": "ms", "qrs": "ms", "qt": "ms", "qtc": "ms", "axis": "degrees"}
NAMES = {"heart_rate": "The measured rate", "pr": "PR", "qrs": "QRS", "qt": "QT", "qtc": "QTc", "axis": "The QRS axis"}
SNOMED, SCP, MDC = "http://snomed.info/sct", "urn:iso:std:iso:11073:91064", "urn:iso:std:iso:11073:10101"


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is known of a recording; measurements by name in their usual units, `points` are the model's operating points."""

    probabilities: Mapping[str, float]
    measurements: Mapping[str, float]
    points: Mapping[str, float]
    abstained: str = ""
    unreadable: Mapping[str, str] | None = None  # lead → why


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing to tell, its reason in one sentence. `source` is model or measurement."""

    name: str
    group: str
    severity: str
    reason: str
    source: str
    probability: float | None = None
    label: str = ""
    codes: tuple[tuple[str, str], ...] = ()
    possible: bool = False


@dataclass(frozen=True, slots=True)
class Interpretation:
    """All findings, the gravest first; contradictions stand beside them."""

    severity: str
    findings: tuple[Finding, ...]
    contradictions: tuple[str, ...]
    conclusion: str
    notes: tuple[str, ...] = ()
    notice: str = NOTICE

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON."""
        rows = [
            asdict(one) | {"codes": [{"system": system, "code": code} for system, code in one.codes]} for one in self.findings
        ]
        return {
            "severity": self.severity, "conclusion": self.conclusion, "findings": rows,
            "contradictions": list(self.contradictions), "notes": list(self.notes), "notice": self.notice,
        }  # fmt: skip


def interpret(evidence: Evidence, table: Table | None = None) -> Interpretation:
    """Applies the table. An abstaining model leaves the measurements to speak."""
    table = table or shipped()
    spoken = () if evidence.abstained else tuple(_spoken(evidence, table))
    measured = tuple(_measured(rule, value) for rule, value in _hits(evidence.measurements, table))
    findings = _decide_by_rate((*spoken, *measured), evidence.measurements.get("heart_rate"), table)
    findings = tuple(sorted(findings, key=lambda one: (-SEVERITIES.index(one.severity), -(one.probability or 0.0), one.name)))
    least = "borderline" if evidence.abstained else "normal"  # what nobody could read is not normal
    severity = max((least, *(one.severity for one in findings)), key=SEVERITIES.index)
    notes = tuple(f"lead {lead} cannot be read: {why}" for lead, why in (evidence.unreadable or {}).items())
    contradictions = tuple(_contradictions(findings, evidence.measurements, table))
    if evidence.abstained:
        notes = (f"the model was not asked: {evidence.abstained}", *notes)
    return Interpretation(severity, findings, contradictions, _conclusion(findings, evidence.abstained), notes)


def _spoken(evidence: Evidence, table: Table) -> list[Finding]:
    findings = []
    for rule in table.findings:
        label = next((label for label in rule.labels if label in evidence.probabilities), None)
        if label is None:
            continue
        probability = evidence.probabilities[label]
        threshold = rule.present if rule.present is not None else max(table.floor, evidence.points.get(label, 0.5))
        if probability >= threshold:
            findings.append(_finding(rule, label, probability, threshold, table))
    return findings


def _finding(rule: Rule, label: str, probability: float, threshold: float, table: Table) -> Finding:
    possible = probability < table.possible
    head = "Only possible: the model" if possible else "The model"
    reason = f"{head} gives {_within(rule.finding)} a probability of {_share(probability)}, which reaches its threshold of {threshold:.0%}."
    codes = tuple((system, code) for system, code in ((SNOMED, rule.snomed), (SCP, rule.scp), (MDC, rule.mdc)) if code)
    return Finding(rule.finding, rule.group, rule.severity, reason, "model", probability, label, codes, possible)


def _share(probability: float) -> str:
    """In per cent; nothing is certain."""
    return "over 99%" if probability >= 0.995 else f"{probability:.0%}"


def _hits(measurements: Mapping[str, float], table: Table) -> list[tuple[Measured, float]]:
    pairs = ((rule, measurements.get(rule.measure)) for rule in table.measured)
    return [(rule, value) for rule, value in pairs if value is not None and rule.over <= value < rule.under]


def _measured(rule: Measured, value: float) -> Finding:
    unit, name = UNITS[rule.measure], NAMES[rule.measure]
    codes = tuple((system, code) for system, code in ((SNOMED, rule.snomed), (MDC, rule.mdc)) if code)
    reason = f"{name} is {value:g} {unit}, {_limit(rule)} {unit}."
    return Finding(rule.finding, rule.group, rule.severity, reason, "measurement", codes=codes)


def _limit(rule: Measured) -> str:
    if rule.under == float("inf"):
        return f"not below the limit of {rule.over:g}"
    if rule.over == float("-inf"):
        return f"below the limit of {rule.under:g}"
    return f"between {rule.over:g} and {rule.under:g}"


def _within(name: str) -> str:
    """A finding's name inside a sentence: `sinus rhythm`, but `ST elevation` and `T wave inversion`."""
    return name[0].lower() + name[1:] if name[1:2].islower() else name


def _decide_by_rate(findings: tuple[Finding, ...], rate: float | None, table: Table) -> tuple[Finding, ...]:
    """The heart rate raises or lowers the severity only where every finding that is not normal is of the rhythm.

    Beside others it changes none, and what it shows by itself is no graver than they are.
    """
    grave = [one for one in findings if one.severity != "normal"]
    if rate is None or not grave:
        return findings
    if any(one.group != "Rhythm" for one in grave):
        most = max((one.severity for one in grave if not _of_rate(one)), key=SEVERITIES.index)
        return tuple(_beside(one, most) if _of_rate(one) else one for one in findings)
    low, high = table.critical
    calm = table.calm[0] <= rate <= table.calm[1]
    return tuple(_at_rate(one, rate, rate < low or rate > high, calm) for one in findings)


def _of_rate(one: Finding) -> bool:
    return one.source == "measurement" and one.group == "Rhythm"


def _beside(one: Finding, most: str) -> Finding:
    if SEVERITIES.index(one.severity) <= SEVERITIES.index(most):
        return one
    why = f"beside findings that are not of the rhythm it counts as {most}, not as {one.severity}"
    return replace(one, severity=most, reason=f"{one.reason[:-1]}; {why}.")


def _at_rate(one: Finding, rate: float, extreme: bool, calm: bool) -> Finding:
    if one.source == "measurement" or one.severity not in {"borderline", "abnormal", "critical"}:
        return one
    severity = one.severity
    if extreme and severity == "abnormal":
        severity = "critical"
    elif extreme and severity == "borderline":
        severity = "abnormal"
    elif calm and severity == "abnormal":
        severity = "borderline"
    if severity == one.severity:
        return one
    way = "raises" if SEVERITIES.index(severity) > SEVERITIES.index(one.severity) else "lowers"
    why = f"the rate of {rate:g} beats a minute {way} it from {one.severity} to {severity}"
    return replace(one, severity=severity, reason=f"{one.reason[:-1]}; {why}.")


def _contradictions(findings: tuple[Finding, ...], measurements: Mapping[str, float], table: Table) -> list[str]:
    names = {one.name for one in findings}
    texts = []
    for row in table.contradictions:
        if not names.issuperset(row.findings):
            continue
        value = measurements.get(row.measure) if row.measure else None
        if not row.measure:
            texts.append(row.because)
        elif value is not None and row.over <= value < row.under:
            texts.append(f"{row.because} ({value:g} {UNITS.get(row.measure, '')})")
    return texts


def _conclusion(findings: tuple[Finding, ...], abstained: str) -> str:
    """One sentence for people."""
    grave = [one for one in findings if one.severity != "normal"]
    if not grave and abstained:
        return f"No automatic interpretation: {abstained}."
    if not grave:
        return (", ".join(one.name for one in findings) or "No finding above its threshold") + "."
    return "; ".join(_worded(one) for one in grave) + "."


def _worded(one: Finding) -> str:
    return f"Possible {_within(one.name)}" if one.possible else one.name
