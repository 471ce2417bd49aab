"""A tree to a bound plan: every name is looked up and every value typed at both ends. Findings are collected, never raised."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from engine.diagnostic import Diagnostic, Span, did_you_mean, errors
from engine.fault import Fault
from engine.mapping import bound, tree
from engine.mapping.bind_formula import bind_formula, bind_key
from engine.mapping.bind_test import bind_test, settled
from engine.mapping.context import Context, Ends, Notes
from engine.mapping.nodes import Formula, Source
from engine.mapping.ports import Element


@dataclass(frozen=True, slots=True)
class Complex:
    """A whole resource, as what its `=:` line is converted to."""

    type: str
    min: int = 0
    max: int | None = 1
    targets: tuple[str, ...] = ()
    codes: frozenset[str] | None = None
    choice: str = ""
    primitive: bool = False


def bind(file: tree.Tree, ends: Ends, parts: Sequence[tree.Tree] = ()) -> tuple[bound.Plan | None, list[Diagnostic]]:
    """Binds a mapping, its included parts before its own resources; a resource of the same name replaces the part's."""
    notes = Notes()
    mine = {one.key.name for one in file.resources if one.key.name}
    rules = [one for part in parts for one in part.resources if one.key.name not in mine] + list(file.resources)
    names: dict[str, tuple[str, ...]] = {}
    for rule in rules:
        if rule.key.name:
            names[rule.key.name] = (*names.get(rule.key.name, ()), rule.key.element)
    context = Context(ends, notes, names=names)
    made = [_resource(rule, context) for rule in rules]
    message = _object(file.message, context, False) if file.message is not None else None
    if errors(notes.found):
        return None, notes.found
    _unused(rules, file, notes)
    return (
        bound.Plan(
            name=file.name,
            file=file.file,
            format=ends.format,
            structure=ends.structure,
            events=file.events,
            model=ends.model,
            writes=" ".join((file.writes.name, file.writes.rest)).strip(),
            resources=tuple(one for one in made if one is not None),
            message=message,
            tables=tuple(sorted(notes.tables)),
            paths=tuple(notes.paths),
        ),
        notes.found,
    )


def _unused(rules: Sequence[tree.Resource], file: tree.Tree, notes: Notes) -> None:
    """A name that nothing refers to is a slip as a rule; those of an included part are for others to use."""
    for rule in rules:
        key = rule.key
        if key.name and key.name not in notes.referred and key.name_at.file == file.file:
            help = f"use it as ref({key.name}), or take the name away"
            notes.found.append(Diagnostic("E316", f"nothing refers to {key.name}", key.name_at, help, "warning"))


def _resource(rule: tree.Resource, context: Context) -> bound.Resource | None:
    key, model = rule.key, context.ends.model
    if key.element not in model.resources():
        context.say("E304", f"{model.name} has no resource {key.element}", key.at, did_you_mean(key.element, model.resources()))
        return None
    if not rule.identity:
        help = "key: with the fields that tell it apart for ever, as PID-3.1, PID-3.4"
        context.say("E315", f"{key.element} has no key", key.at, help)
    inner = replace(
        _inside(key.each, key.each_at, context),
        element=key.element,
        resource=key.name,
        settled={**settled(key.before), **settled(key.test)},
    )
    identity = tuple(None if _is_occurrence(part) else bind_key(part, inner) for part in rule.identity)
    test, before = bind_test(key.test, inner), bind_test(key.before, context)
    body = _object(rule.body, inner, False)
    constant = all(part is not None and not bound.read_only(part).choice for part in identity)
    return bound.Resource(
        key.element, key.name, key.each, test, identity, rule.merge, body, key.at, rule.identity_at, before, constant,
        tuple(_clear(one, rule, inner) for one in rule.clear),
    )  # fmt: skip


def _clear(line: tree.Clear, rule: tree.Resource, context: Context) -> bound.Clear:
    """Which elements go, checked: they are there, and the resource may be without them."""
    model, key = context.ends.model, line.key
    if not rule.merge:
        context.say("E325", "there is nothing to clear where the resource is written anew", key.at, "say update: merge")
    if key.each or key.name:
        context.say(
            "E318", "clear has a test and nothing else", key.each_at if key.each else key.name_at, "clear if …: period.end"
        )
    for name in line.names:
        above, _, last = f"{rule.key.element}.{name.text}".rpartition(".")
        if model.element(f"{above}.{last}") is None:
            context.say("E303", f"{above} has no element {last}", name.at, did_you_mean(last, model.children(above)))
        elif last in model.required(above):
            context.say("E325", f"{above} must have {last}", name.at, "clear what stands above it, or write another value")
    return bound.Clear(tuple(name.text for name in line.names), bind_test(key.test, context))


def _is_occurrence(part: Formula) -> bool:
    return len(part.choice) == 1 and isinstance(part.choice[0], Source) and part.choice[0].text == "occurrence"


def _inside(each: str, at: Span, context: Context) -> Context:
    """The context inside an `each`, checked when the format can tell which groups there are."""
    groups = getattr(context.ends.format, "group", None)
    if each and groups is not None and not context.lost:
        fault = groups(each, context.ends.structure, context.group)
        if isinstance(fault, Fault):
            context.say("E308", fault.text, at, fault.help)
            return replace(context, lost=True)
    return context.inside(each)


def _object(body: tree.Body, context: Context, many: bool) -> bound.Object:
    """The rules of one element, grouped by the element they write, in the file's order."""
    own = None
    if body.own is not None:
        target: Element = context.ends.model.element(context.element) or Complex(context.element)
        own = bind_formula(body.own, target, many, context)
    variants: dict[str, list[bound.Variant]] = {}
    kinds: dict[str, Element] = {}
    first: dict[str, Span] = {}
    for rule in body.rules:
        name, here = rule.key.element, context.below(rule.key.element)
        element = context.ends.model.element(here.element)
        if element is None:
            whole = context.element or context.ends.model.name
            context.say("E303", f"{whole} has no element {name}", rule.key.at, _near(name, context))
            continue
        made = _variants(rule, element, here)
        closed = [one for one in variants.get(name, ()) if one.test is None and not one.each and one.value.sure]
        if closed and element.max == 1:
            context.say(
                "E309", f"{name} has its value in line {first[name].line} already", rule.key.at, "put the rule with `if` first"
            )
        variants.setdefault(name, []).extend(made)
        kinds[name] = element
        first.setdefault(name, rule.key.at)
    _required(body, set(variants), context)
    entries = tuple(bound.Entry(name, tuple(found), kinds[name].max != 1, kinds[name].choice) for name, found in variants.items())
    return bound.Object(entries, own, body.at, many)


def _near(name: str, context: Context) -> str:
    children = context.ends.model.children(context.element)
    choices = [one for one in children if one.startswith(name) and one != name]
    return f"one of {', '.join(choices[:6])}" if len(choices) > 1 else did_you_mean(name, children)


def _required(body: tree.Body, given: set[str], context: Context) -> None:
    """What the model wants and no rule gives. What `=:` converts brings its own."""
    if body.own is not None:
        return
    for name in context.ends.model.required(context.element):
        stem = name.removesuffix("[x]")
        if name not in given and not (name.endswith("[x]") and any(one.startswith(stem) for one in given)):
            context.say(
                "E310", f"{context.element} must have {name}", body.at.part(0, 1), f"add a line {name}: with a field or a text"
            )


def _variants(rule: tree.Rule, element: Element, context: Context) -> list[bound.Variant]:
    """The variants of one line; a list gives one for each item."""
    key = rule.key
    inner = _inside(key.each, key.each_at, context)
    inner = replace(inner, settled={**context.settled, **settled(key.before), **settled(key.test)})
    test, before = bind_test(key.test, inner), bind_test(key.before, context)
    items = rule.value.items if isinstance(rule.value, tree.Many) else (rule.value,)
    if isinstance(rule.value, tree.Many) and element.max == 1:
        context.say(
            "E314", f"{context.element} takes one value, not a list", rule.value.at, "for the first one valued write: =A else B"
        )
    if key.name:
        context.say("E318", f"only a resource has a name: {key.name}", key.name_at, "take `as …` away")
    found = []
    for item in items:
        value = _value(item, element, element.max != 1 and not key.each, inner)
        if value is not None:
            found.append(bound.Variant(value, test, key.each, key.at, before))
    return found


def _value(node: tree.Value, element: Element, many: bool, context: Context) -> bound.Value | bound.Fixed | bound.Object | None:
    if isinstance(node, Formula):
        return bind_formula(node, element, many, context)
    if isinstance(node, tree.Plain):
        return _fixed(node, element, context)
    if isinstance(node, tree.Many):
        context.say("E314", "a list does not stand in a list", node.at)
        return None
    if element.primitive:
        context.say(
            "E320", f"{context.element} is a {element.type}: it has no elements below it", node.at.part(0, 1), "write its value"
        )
        return None
    return _object(node, context, many)


def _fixed(node: tree.Plain, element: Element, context: Context) -> bound.Fixed | None:
    noted = getattr(context.ends.format, "noted", None)
    formula = f"a formula begins with =, so write ={node.text}" if noted is not None and noted(node.text) else ""
    if not element.primitive:
        help = formula or f"a formula begins with = ; the elements of a {element.type} go below it"
        context.say("E320", f"{context.element} is a {element.type}, not a text", node.at, help)
        return None
    value = context.ends.model.literal(element.type, node.text)
    if isinstance(value, Fault):
        context.say("E311", f"{node.text} is no {element.type}", node.at, formula or value.help or value.text)
        return None
    if element.codes is not None and node.text not in element.codes:
        help = formula or did_you_mean(node.text, element.codes) or f"one of {', '.join(sorted(element.codes)[:12])}"
        context.say("E311", f"{node.text} is not a code of {context.element}", node.at, help)
        return None
    if formula and not node.quoted:
        context.say(
            "E324",
            f"{node.text} is written as it stands, not read from the message",
            node.at,
            f"{formula}; or put it in quotes",
            "warning",
        )
    return bound.Fixed(value, node.at)
