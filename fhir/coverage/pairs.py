"""Coverage over a folder of pairs: `NAME.hl7` and the Bundle someone else expects of it, `NAME.fhir` or `NAME.json`.

A message whose PID-3 is empty is refused in earnest. So that such a message can be compared at all, a number stands in for the missing one
and is taken out of what came of it again.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from engine.fault import Fault
from fhir.coverage.report import Case, Report, report
from fhir.encode import loads

JSON = dict[str, Any]
Run = Callable[[bytes], Sequence[JSON] | str]
"""A message to its resources, or the codes of the faults it was refused with."""

STAND_IN = b"ISTHMUS-COVERAGE"
PID = re.compile(rb"(?:^|[\r\n])PID([^A-Za-z0-9\r\n])([^\r\n]*)")


def stand_in(body: bytes) -> bytes:
    """The message with a number in PID-3 where it has none."""
    found = PID.search(body)
    if found is None:
        return body
    fields = found[2].split(found[1])
    fields += [b""] * (3 - len(fields))
    if fields[2].replace(b"^", b"").replace(b"~", b"").strip():
        return body
    fields[2] = STAND_IN
    return body[: found.start(2)] + found[1].join(fields) + body[found.end(2) :]


def cover(folder: Path, run: Run) -> Report:
    """Maps every message of a folder, however deep, and compares the outcome with what is expected of it."""
    return report(list(cases(folder, run)))


def cases(folder: Path, run: Run) -> Iterator[Case]:
    """The pairs of a folder, each message mapped."""
    for path in sorted(folder.rglob("*.hl7")):
        expected = next((path.with_suffix(end) for end in (".fhir", ".json") if path.with_suffix(end).is_file()), None)
        if expected is None:
            continue
        name = path.relative_to(folder).with_suffix("").as_posix()
        ours = run(stand_in(path.read_bytes()))
        made = None if isinstance(ours, str) else [_without_stand_in(one) for one in ours]
        yield Case(name, made, resources(expected.read_bytes()), ours if isinstance(ours, str) else "")


def resources(body: bytes) -> list[JSON]:
    """The resources of a Bundle; none when it cannot be read."""
    bundle = loads(body)
    if isinstance(bundle, Fault) or not isinstance(bundle, dict):
        return []
    return [entry["resource"] for entry in bundle.get("entry", ()) if "resource" in entry]


def _without_stand_in(resource: JSON) -> JSON:
    if resource.get("resourceType") != "Patient":
        return resource
    kept = [one for one in resource.get("identifier", ()) if one.get("value") != STAND_IN.decode()]
    return {name: value for name, value in resource.items() if name != "identifier"} | ({"identifier": kept} if kept else {})
