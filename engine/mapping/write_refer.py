"""References in written source: what stands around many scopes is looked up once for all of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from engine.mapping import bound
from engine.mapping.draft import Draft
from engine.mapping.run import Instance


def simple(entries: Sequence[bound.Entry]) -> bool:
    """Whether an element is nothing but references, each under a test or not."""
    return len(entries) == 1 and not entries[0].choice and all(_refer(one) is not None for one in entries[0].variants)


def _refer(one: bound.Variant) -> bound.Refer | None:
    value = one.value
    if (
        (one.each and one.test not in (None, bound.ALWAYS))
        or one.before is not None
        or not isinstance(value, bound.Value)
        or len(value.choice) != 1
    ):
        return None
    refer = value.choice[0]
    return refer if isinstance(refer, bound.Refer) and not refer.own else None


class Refers:
    """The lines a rule's references need: `first` for all scopes, `once` for those in one place, `found` and `pointed` for each."""

    __slots__ = ("_draft", "_names", "first", "found", "instances", "once", "pointed")

    def __init__(self, draft: Draft, model: Any) -> None:
        reference = model.reference

        def point(found: Iterable[Instance]) -> list[Any]:
            return [reference(*each) for each in found]

        draft.names["point"] = point
        self._draft = draft
        self._names: dict[str, int] = {}
        self.first: list[str] = []
        self.once: list[str] = []
        self.found: list[str] = []
        self.pointed: list[str] = []
        self.instances: list[str] = []  # what a resource depends on besides texts
        for entry in draft.rule.body.entries:
            if draft.rule.merge or simple((entry,)):
                for name in named(entry):
                    self._add(name)

    def _add(self, name: str) -> None:
        if name in self._names:
            return
        at = self._names[name] = len(self._names)
        given = self._draft.name("name", name)
        if not self.first:
            self.first.append("around = nothing")
            self.once += ["if scope.parent is not around:", "    around = scope.parent"]
        self.first.append(f"within{at} = run.within({given})")
        self.once.append(f"    beside{at} = None")
        beside = [
            f"if beside{at} is None:",
            f"    beside{at} = run.around({given}, scope)",
            f"    points{at} = point(beside{at})",
        ]
        self.found += [
            f"own{at} = within{at}.get(ident(scope))",
            f"if own{at} is None:",
            *(f"    {line}" for line in beside),
        ]
        self.pointed.append(f"refer{at} = points{at} if own{at} is None else point(own{at})")
        self.instances.append(f"beside{at} if own{at} is None else (*own{at},)")

    def element(self, value: str, entry: bound.Entry) -> list[str]:
        """Lines that give an element its references: all of them, or the first."""
        lines = [f"{value} = {'[]' if entry.many else 'None'}"]
        for one in entry.variants:
            refer = _refer(one)
            assert refer is not None
            name = f"refer{self._names[refer.name]}"
            if one.each:
                lines += self._each(value, one, refer, entry.many)
                continue
            asked = [] if entry.many else [f"{value} is None"]
            asked += [self._draft.condition(one.test)] if one.test is not None else []
            if refer.must:
                lines += [f"if {' and '.join([*asked, f'not {name}'])}:", "    return False"]
            lines.append(f"if {' and '.join([*asked, name])}:")
            lines.append(f"    {value} = {f'{value} + {name}' if entry.many else f'{name}[0]'}")
        return [*lines, f"{value} = {value} or None"] if entry.many else lines

    def _each(self, value: str, one: bound.Variant, refer: bound.Refer, many: bool) -> list[str]:
        """Lines that look a reference up from each instance of a group below the resource's scope."""
        at = self._names[refer.name]
        given, group = self._draft.name("name", refer.name), self._draft.name("group", one.each)
        take = f"{value} += point(found)" if many else f"{value} = point(found)[0]"
        return [
            f"for inner in run.each(scope, {group}):"
            if many
            else f"for inner in run.each(scope, {group}) if {value} is None else ():",
            f"    found = within{at}.get(ident(inner))",
            "    if found is None:",
            f"        found = run.around({given}, inner)",
            *(["    if not found:", "        return False"] if refer.must else []),
            "    if found:",
            f"        {take}",
            *([] if many else ["        break"]),
        ]


def named(entry: bound.Entry) -> Iterable[str]:
    """The names of all references of an element."""
    for one in entry.variants:
        yield from _in(one.value)


def _in(value: bound.Value | bound.Fixed | bound.Object) -> Iterable[str]:
    if isinstance(value, bound.Value):
        yield from (one.name for one in value.choice if isinstance(one, bound.Refer))
    elif isinstance(value, bound.Object):
        for entry in value.entries:
            yield from named(entry)
