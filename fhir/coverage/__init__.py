"""Compares two sets of resources fact by fact: what a mapping made against what someone else expects of the same message."""

from fhir.coverage.compare import Verdict, compare
from fhir.coverage.pairs import cover
from fhir.coverage.report import Case, Report, report

__all__ = ["Case", "Report", "Verdict", "compare", "cover", "report"]
