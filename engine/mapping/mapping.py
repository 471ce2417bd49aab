"""A compiled mapping: a scope in, resources or faults out. Pure; the same message gives the same resources for ever."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from itertools import compress
from typing import Any

from engine.fault import Fault, Kind
from engine.mapping import bound
from engine.mapping.compile import fill
from engine.mapping.compile_test import Ask, ask
from engine.mapping.compile_value import Fill, Kit, value_of
from engine.mapping.generate import Quick, quick
from engine.mapping.narrow_message import NarrowMessage
from engine.mapping.nulls import nulls
from engine.mapping.remember import Memory
from engine.mapping.run import Lineage, Run
from engine.mapping.specialise import Narrowed
from engine.mapping.together import join
from engine.mapping.write_built import built
from engine.types import Put, Scope

MakePut = Callable[[Scope, Run, str], Put]


@dataclass(frozen=True, slots=True)
class Rule:
    """One resource rule, compiled."""

    type: str
    name: str
    each: str
    before: Ask | None
    test: Ask | None
    identity: tuple[Fill | None, ...]
    known: tuple[bool, ...]  # of the parts of the key, which are fields and no texts of the mapping
    fields: tuple[Fill, ...]  # of the parts that are either, the fields
    merge: bool
    put: MakePut
    at: str


@dataclass(frozen=True, slots=True)
class Made:
    """What a message became."""

    puts: list[Put]
    warnings: list[Fault]


@dataclass(frozen=True, slots=True)
class Mapping:
    """A mapping ready to run."""

    name: str
    digest: str
    plan: bound.Plan
    rules: Callable[[], tuple[Rule, ...]]  # compiled when they are first wanted: most mappings are never used by most processes
    rules_traced: Callable[[], tuple[Rule, ...]]
    narrowed: Narrowed[Quick] | None  # of a format that tells what values depend on
    whole: NarrowMessage | None = None  # of `segments:`

    @property
    def reads(self) -> tuple[str, str]:
        """The format and the message structure: (hl7v2, ORU_R01)."""
        return self.plan.format.name, self.plan.structure

    @property
    def writes(self) -> str:
        """What comes out: `fhir R4`."""
        return self.plan.writes

    def run(self, scope: Scope) -> list[Put] | tuple[Fault, ...]:
        """The resources of a message, in the mapping's order; a tuple of faults when anything in it is refused."""
        return self._made(scope)[0]

    def work(self, scope: Scope) -> Made | tuple[Fault, ...]:
        """The resources with the warnings of what was left out."""
        made, run = self._made(scope)
        return made if isinstance(made, tuple) else Made(made, run.warnings)

    def _made(self, scope: Scope) -> tuple[list[Put] | tuple[Fault, ...], Run]:
        """The resources by the written functions where there are such and they do not give up, else by the closures."""
        narrow = self.narrowed.choose(scope) if self.narrowed is not None else None
        if narrow is not None:
            run = Run()
            made = narrow(scope, run)
            if made is not None:
                return made, run
        run = Run()
        return _run(self.rules(), scope, run, self.plan.model), run

    def message(self, scope: Scope) -> dict[str, Any] | tuple[Fault, ...]:
        """What a mapping with `segments:` writes, as a tree for the model to render; a tuple of faults when anything is refused."""
        if self.whole is None:
            return (
                Fault(Kind.UNSUPPORTED, "E407", f"the mapping {self.name} writes resources, not a message", help="use its run"),
            )
        run = Run()
        tree: Any = self.whole.choose(scope)(scope, run)
        if run.faults:
            return _refused(run.faults)
        return tree or {}

    def write(self, scope: Scope, at: datetime, control_id: str) -> bytes | tuple[Fault, ...]:
        """The message's bytes. Time and control id are the caller's: the same ones give the same bytes."""
        tree = self.message(scope)
        if isinstance(tree, tuple):
            return tree
        made: bytes | Fault = self.plan.model.render(tree, at, control_id)  # type: ignore[attr-defined]  # a model of messages
        return (made,) if isinstance(made, Fault) else made

    @property
    def traced(self) -> tuple[Rule, ...]:
        """The rules that tell where each value came from."""
        return self.rules_traced()

    def trace(self, scope: Scope) -> list[Lineage]:
        """Every value of those resources with its rule, its source path and its bytes."""
        run = Run()
        _run(self.traced, scope, run, self.plan.model)
        return run.lineage


def compile_plan(plan: bound.Plan, digest: str) -> Mapping:
    """Compiles a bound plan, both ways."""
    depend = getattr(plan.format, "depends", None)
    memory, known = Memory(), dict[int, Any]()
    rules = cache(lambda: _rules(plan, Kit(plan.model, known=known, keep=known.__setitem__)))
    kit = Kit(plan.model, known=known)

    narrowed = None
    if depend is not None:
        narrowed = Narrowed(plan, lambda narrow: (rules(), quick(narrow, kit, memory, depend))[1])
    writes = Kit(plan.model, build=built, format=plan.format)
    whole = NarrowMessage(plan.message, lambda message: fill(message, writes)) if plan.message is not None else None
    return Mapping(plan.name, digest, plan, rules, cache(lambda: _rules(plan, Kit(plan.model, traced=True))), narrowed, whole)


def _rules(plan: bound.Plan, kit: Kit) -> tuple[Rule, ...]:
    return tuple(
        Rule(
            type=one.type,
            name=one.name,
            each=one.each,
            before=ask(one.before) if one.before is not None else None,
            test=ask(one.test) if one.test is not None else None,
            identity=tuple(value_of(part, kit) if part is not None else None for part in one.identity),
            known=tuple((one.constant and part is not None) or bound.plain(part) for part in one.identity),
            fields=tuple(value_of(bound.read_only(part), kit) for part in one.identity if part is not None and part.sure),
            merge=one.merge,
            put=_put(one, kit),
            at=f"{one.at.file}:{one.at.line}",
        )
        for one in plan.resources
    )


def _put(rule: bound.Resource, kit: Kit) -> MakePut:
    """The closure that makes the resource of an id."""
    body, clear, type, merge = fill(rule.body, kit), nulls(rule), rule.type, rule.merge

    def make(scope: Scope, run: Run, id: str) -> Put:
        made = {"resourceType": type, "id": id, **(body(scope, run) or {})}
        return Put(made, True, clear(scope, made, run)) if merge else Put(made)

    return make


@dataclass(slots=True)
class _Instance:
    """A resource that will be written: its rule, what it reads from, its id."""

    rule: Rule
    scope: Scope
    id: str


def _run(rules: tuple[Rule, ...], scope: Scope, run: Run, model: Any) -> list[Put] | tuple[Fault, ...]:
    instances = _identify(rules, scope, run, model)
    puts: dict[tuple[str, str], Put] = {}
    for one in instances:
        _place(run, one.rule.type, len(puts) + 1)
        rule = one.rule
        put = rule.put(one.scope, run, one.id)
        key = (rule.type, one.id)
        before = puts.get(key)
        both = put if before is None else join(before, put, rule.merge)
        if both is None:
            run.faults.append(_clash(rule))
        else:
            puts[key] = both
    return _refused(run.faults) if run.faults else list(puts.values())


def _place(run: Run, type: str, number: int) -> None:
    """Where a traced run is: the resource itself."""
    run.names[:] = [type]
    run.places[:] = [number]


def _identify(rules: tuple[Rule, ...], root: Scope, run: Run, model: Any) -> list[_Instance]:
    """Every resource that will be written with its id, known to references before any body is made."""
    instances: list[_Instance] = []
    identify = model.identify
    repeated: dict[tuple[str, tuple[str, ...]], int] = {}
    for rule in rules:
        if rule.before is not None and not rule.before(root, run):
            continue
        for scope in run.each(root, rule.each) if rule.each else (root,):
            if rule.test is not None and not rule.test(scope, run):
                continue
            parts = [part(scope, run) or "" if part is not None else "" for part in rule.identity]
            if not any(compress(parts, rule.known)) and not any(part(scope, run) for part in rule.fields):
                run.faults.append(_no_key(rule))
                continue
            if None in rule.identity:
                key = (rule.type, tuple(parts))
                number = repeated[key] = repeated.get(key, 0) + 1
                parts = [*parts, str(number)] if number > 1 else parts
            id_ = identify(rule.type, *parts)
            instances.append(_Instance(rule, scope, id_))
            if rule.name:
                run.enter(rule.name, scope, rule.type, id_)
    return instances


def _refused(faults: list[Fault]) -> tuple[Fault, ...]:
    """Each fault once; what only follows from another (no key, nothing to refer to) is left out beside its cause."""
    causes = tuple(dict.fromkeys(fault for fault in faults if fault.code not in ("E404", "E406")))
    return causes or tuple(dict.fromkeys(faults))


def _no_key(rule: Rule) -> Fault:
    help = f"write it only where it can be told apart: {rule.type} … if <field> valued"
    return Fault(Kind.INCORRECT, "E404", f"no field of the key of {rule.type} is valued", rule.at, help)


def _clash(rule: Rule) -> Fault:
    help = "add a field to its key, or `occurrence`; or write update: merge when they are the same thing told twice"
    return Fault(Kind.INCORRECT, "E405", f"two different resources {rule.type} of this message have the same key", rule.at, help)
