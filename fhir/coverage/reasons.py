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


_ROWS: tuple[Reason, ...] = ()
REASONS = {row.name: row for row in _ROWS}


def reason(verdict: Verdict, fault: str = "") -> str:
    """The name of the reason, '' for what agrees."""
    if verdict.kind == "agree":
        return ""
    if fault:
        return "refused"
    return next((row.name for row in _ROWS if row.explains(verdict)), UNEXPLAINED)
