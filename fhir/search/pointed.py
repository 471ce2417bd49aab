"""Reference parameters: `Type/id`, `id`, an address, or the identifier of a logical reference."""

from __future__ import annotations

import re
from collections.abc import Sequence

from engine.fault import Fault
from fhir import model
from fhir.search.hashing import digest8, number
from fhir.search.parameters import Parameter, Path, patient_path
from fhir.search.texts import plainly, split
from fhir.search.where import FEW, OWN, Where, every, exact, some, tokens

ID = re.compile(r"[A-Za-z0-9\-.]{1,64}")


def reference(type: str, parameter: Parameter, modifier: str, value: str, base: str) -> Where | Fault:
    """`Type/id`, `id`, an address, or by the identifier of a logical reference."""
    if modifier == "identifier":
        parts = [plainly(part) for part in split(value, "|")]
        system, code = (parts[0], parts[1]) if len(parts) == 2 else ("", parts[0])
        found = [
            every([
                tokens([number(f"{path.id}:identifier|{code}")], FEW),
                *([exact([number(f"{path.id}:identifier|{system}|{code}")])] if len(parts) == 2 else []),
            ])
            for path in parameter.paths
        ]  # fmt: skip
        return some(found)
    text = plainly(value).removeprefix(f"{base}/") if base else plainly(value)
    text = text.partition("/_history/")[0]
    kinds = [modifier] if modifier else list(parameter.targets) or list(model.resources())
    return some([pointed(type, path, text, kinds) for path in parameter.paths])


def pointed(type: str, path: Path, text: str, kinds: Sequence[str]) -> Where:
    """A reference of one path."""
    allowed = [path.target] if path.target and path.target in kinds else [] if path.target else list(kinds)
    head, _, tail = text.partition("/")
    if ID.fullmatch(text):
        names = [f"{kind}/{text}" for kind in allowed]
    elif head in allowed and ID.fullmatch(tail):
        names = [text]
    else:
        names = [] if head in model.resources() else [text]
    mine = patient_path(type)
    own = [name for name in names if mine is not None and mine.id == path.id and name.startswith("Patient/")]
    parts = [about(name) for name in own]
    others = [number(f"{path.id}|{name}") for name in names if name not in own]
    if path.type in ("canonical", "uri"):
        others.append(number(f"{path.id}|{text}"))
    return some([*parts, *([tokens(others)] if others else [])])


def about(name: str) -> Where:
    """Whom a resource is about: `Patient/1`."""
    digest = digest8(name)
    return Where("r.patient = %s", (number(name),), lambda row: row.entries.patient == digest, OWN)
