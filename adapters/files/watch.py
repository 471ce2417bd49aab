"""Which files are whole: those whose size and time have not changed for a while, or whose marker file has come. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from adapters.files.folder import Entry


@dataclass(slots=True)
class Watch:
    """What was seen of each file, and since when (seconds of a monotonic clock)."""

    settle: float
    pattern: str = "*"
    ignore: tuple[str, ...] = ()
    marker: str = ""
    seen: dict[str, tuple[Entry, float]] = field(default_factory=dict)

    def ready(self, listing: Sequence[Entry], now: float) -> list[str]:
        """The names that may be taken, in the order of the listing. An empty file is never whole."""
        names = {entry.name for entry in listing}
        fresh: dict[str, tuple[Entry, float]] = {}
        found = []
        for entry in listing:
            if not self._wanted(entry.name):
                continue
            known = self.seen.get(entry.name)
            since = known[1] if known is not None and known[0] == entry else now
            fresh[entry.name] = entry, since
            still = known is not None and entry.size > 0 and now - since >= self.settle
            if (entry.name + self.marker in names) if self.marker else still:
                found.append(entry.name)
        self.seen = fresh
        return found

    def _wanted(self, name: str) -> bool:
        if self.marker and name.endswith(self.marker):
            return False
        return fnmatchcase(name, self.pattern) and not any(fnmatchcase(name, one) for one in self.ignore)
