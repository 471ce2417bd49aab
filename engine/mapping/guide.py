"""A mapping as the table an implementation guide prints: source, condition, target, data type, vocabulary."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import astuple, dataclass

from engine.mapping import bound
from engine.mapping.mapping import Mapping
from engine.mapping.ports import Model


@dataclass(frozen=True, slots=True)
class Row:
    """One rule."""

    source: str
    condition: str
    target: str
    type: str
    vocabulary: str
    line: str  # file:line


def guide(mapping: Mapping) -> list[Row]:
    """The rows of a mapping, in its order."""
    rows: list[Row] = []
    model = mapping.plan.model
    for one in mapping.plan.resources:
        each = (f"each {one.each}",) if one.each else ()
        conditions = (*each, *(shown(test) for test in (one.before, one.test) if test is not None))
        rows += _object(one.body, one.type, conditions, model)
    if mapping.plan.message is not None:
        rows += _object(mapping.plan.message, "", (), model)
    return rows


def markdown(rows: list[Row]) -> str:
    """The rows as a Markdown table."""
    head = "| source | condition | target | data type | vocabulary |\n|---|---|---|---|---|"
    cells = (" | ".join(cell.replace("|", "\\|") for cell in astuple(row)[:5]) for row in rows)
    return "\n".join([head, *(f"| {line} |" for line in cells)])


def _object(value: bound.Object, target: str, conditions: tuple[str, ...], model: Model) -> Iterator[Row]:
    if value.own is not None:
        yield _row(value.own, target, conditions, model)
    for entry in value.entries:
        place = f"{target}.{entry.name}" if target else entry.name
        for one in entry.variants:
            each = (f"each {one.each}",) if one.each else ()
            more = (*conditions, *each, *(shown(test) for test in (one.before, one.test) if test is not None))
            if isinstance(one.value, bound.Object):
                yield from _object(one.value, place, more, model)
            else:
                yield _row(one.value, place, more, model)


def _row(value: bound.Value | bound.Fixed, target: str, conditions: tuple[str, ...], model: Model) -> Row:
    element = model.element(target)
    kind = element.type if element is not None else target.partition(".")[0]
    steps = [step.name for one in _choice(value) if isinstance(one, bound.Read) for step in one.steps]
    vocabulary = ", ".join(dict.fromkeys(name[6:-1] for name in steps if name.startswith("table(")))
    return Row(_source(value), " and ".join(conditions), target, kind, vocabulary, f"{value.at.file}:{value.at.line}")


def _choice(value: bound.Value | bound.Fixed) -> tuple[bound.Alternative, ...]:
    return value.choice if isinstance(value, bound.Value) else ()


def _source(value: bound.Value | bound.Fixed) -> str:
    if isinstance(value, bound.Fixed):
        return f'"{value.value}"'
    parts = []
    for one in value.choice:
        if isinstance(one, bound.Read):
            parts.append(" | ".join((one.path.text, *(step.name for step in one.steps))))
        else:
            parts.append(f"ref({one.name})" if isinstance(one, bound.Refer) else f'"{one.value}"')
    return " else ".join(parts)


def shown(test: bound.Ask) -> str:
    """A test as it is written."""
    if isinstance(test, bound.Group):
        parts = [shown(part) if isinstance(part, bound.Clause) else f"({shown(part)})" for part in test.parts]
        return f" {test.sign} ".join(parts)
    path = test.path.text
    if test.other is not None:
        return f"{path} {test.sign} {test.other.path.text}"
    if test.sign in ("in", "not in"):
        return f"{path} {test.sign} ({', '.join(test.words)})"
    return " ".join((path, test.sign, *test.words))
