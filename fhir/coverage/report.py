"""Coverage over many messages: how many facts agree, and why the others do not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from fhir.coverage.compare import Verdict, compare
from fhir.coverage.reasons import REASONS, UNEXPLAINED, reason

JSON = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Case:
    """One message: its name, what was made of it (None when it was refused, with the fault's code) and what is expected."""

    name: str
    ours: Sequence[JSON] | None
    expected: Sequence[JSON]
    fault: str = ""


@dataclass(frozen=True, slots=True)
class Report:
    """The verdicts of all cases, each disagreement with the name of its reason."""

    rows: tuple[tuple[str, Verdict, str], ...]
    refused: tuple[tuple[str, str], ...]
    cases: int

    @property
    def kinds(self) -> Counter[str]:
        """How many verdicts of each kind."""
        return Counter(verdict.kind for _, verdict, _ in self.rows)

    @property
    def comparable(self) -> int:
        """The facts that both sides could state: every expected one, extras left out."""
        return sum(count for kind, count in self.kinds.items() if kind != "extra")

    @property
    def agreed(self) -> float:
        """The share of comparable facts that agree, 0 to 1."""
        return self.kinds["agree"] / self.comparable if self.comparable else 1.0

    @property
    def reasons(self) -> Counter[str]:
        """How many disagreements each reason explains."""
        return Counter(why for _, verdict, why in self.rows if verdict.kind not in ("agree", "extra"))

    def __str__(self) -> str:
        """The report for people: see `table`."""
        return table(self)

    def as_dict(self) -> JSON:
        """The report as plain JSON."""
        return {
            "cases": self.cases,
            "comparable": self.comparable,
            "agree": self.kinds["agree"],
            "share": round(self.agreed, 4),
            "kinds": dict(self.kinds.most_common()),
            "reasons": [
                {"reason": why, "facts": count, "text": REASONS[why].text if why in REASONS else ""}
                for why, count in self.reasons.most_common()
            ],
            "refused": [{"case": name, "fault": code} for name, code in self.refused],
            "unexplained": [
                {"case": name, "kind": one.kind, "path": one.path, "expected": one.expected, "found": one.found}
                for name, one, why in self.rows
                if why == UNEXPLAINED and one.kind != "extra"
            ],
        }


def report(cases: Sequence[Case]) -> Report:
    """Compares every case."""
    rows: list[tuple[str, Verdict, str]] = []
    refused: list[tuple[str, str]] = []
    for case in cases:
        if case.ours is None:
            refused.append((case.name, case.fault))
        verdicts = compare(case.ours or (), case.expected)
        rows += [(case.name, one, reason(one, case.fault)) for one in verdicts]
    return Report(tuple(rows), tuple(refused), len(cases))


def table(found: Report) -> str:
    """The report as a Markdown table: the share, and every class of disagreement with its reason."""
    lines = [
        f"{found.kinds['agree']} of {found.comparable} comparable facts agree ({found.agreed:.1%}) in {found.cases} messages.",
        "",
        "| facts | class | why |",
        "|---|---|---|",
    ]
    for name, count in found.reasons.most_common():
        text = REASONS[name].text if name in REASONS else FIXED.get(name, "")
        lines.append(f"| {count} | {name} | {text} |")
    return "\n".join(lines) + "\n"


FIXED = {
    "refused": "The message is held with a fault; see the list of refused messages.",
    UNEXPLAINED: "Nobody has looked at it yet.",
}
