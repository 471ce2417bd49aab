"""The table of findings, read: what makes a finding, how severe it is, what contradicts it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path

from engine.fault import Fault, Kind

SHIPPED = Path(__file__).with_name("table.yaml")
SEVERITIES = ("normal", "borderline", "abnormal", "critical")
GROUPS = ("Rhythm", "Conduction", "Ischemia", "Structural", "Other")
MEASURES = ("heart_rate", "pr", "qrs", "qt", "qtc", "axis")
LARGEST = 256 * 1024


@dataclass(frozen=True, slots=True)
class Rule:
    """A finding of the model's; `present` is None for the model's own operating point."""

    finding: str
    labels: tuple[str, ...]
    present: float | None
    severity: str
    group: str
    snomed: str = ""
    scp: str = ""
    mdc: str = ""


@dataclass(frozen=True, slots=True)
class Measured:
    """A finding of a measurement: over ≤ value < under."""

    finding: str
    measure: str
    over: float
    under: float
    severity: str
    group: str
    snomed: str = ""
    mdc: str = ""


@dataclass(frozen=True, slots=True)
class Contradiction:
    """Findings that cannot all be true, or cannot be true with a measurement."""

    findings: tuple[str, ...]
    because: str
    measure: str = ""
    over: float = float("-inf")
    under: float = float("inf")


@dataclass(frozen=True, slots=True)
class Table:
    """All rules."""

    floor: float
    possible: float
    calm: tuple[float, float]
    critical: tuple[float, float]
    findings: tuple[Rule, ...]
    measured: tuple[Measured, ...]
    contradictions: tuple[Contradiction, ...]


@cache
def shipped() -> Table:
    """The table that comes with the program."""
    table = load(SHIPPED)
    assert isinstance(table, Table), table
    return table


def load(path: Path) -> Table | Fault:
    """A table from a file, a site's own for example; the same file is read once."""
    try:
        state = path.stat()
        return _read(path, state.st_mtime_ns, state.st_size)
    except (OSError, UnicodeDecodeError) as error:
        return Fault(Kind.NOT_FOUND, "E850", f"the table cannot be read ({type(error).__name__})", path.name)


@lru_cache(8)
def _read(path: Path, _changed: int, size: int) -> Table | Fault:
    from inference.interpret.read import parse  # noqa: PLC0415 - it reads into the classes above

    if size > LARGEST:
        return Fault(Kind.INCORRECT, "E850", "the table is larger than any real one", path.name)
    return parse(path.read_text(encoding="utf-8"))
