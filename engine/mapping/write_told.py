"""The function that tells which resources a rule will make: for each scope its test, its key, its id."""

from __future__ import annotations

from engine.mapping import bound
from engine.mapping.compile_test import ask
from engine.mapping.compile_value import Kit, value_of
from engine.mapping.draft import Draft
from engine.mapping.remember import comes_again, of_value


def write_told(draft: Draft, kit: Kit) -> str:
    """The source of `told(root, run, known, repeated)`: a list with what `made` needs of each resource, None when it gives up."""
    rule = draft.rule
    draft.names |= {"identify": kit.model.identify, "type": rule.type, "blank": "", "text": str}
    once: list[str] = []  # for all scopes that stand in one place
    here = ["if not " + draft.condition(rule.test) + ":", "    continue"] if rule.test is not None else []
    parts = [_part(draft, kit, part, once, here) for part in rule.identity]
    here += _id(draft, parts)
    here.append(f"found.append(({draft.carried}))")
    if rule.name:
        here.append("entered.append((scope, (type, rid)))")
    if "same" in draft.used:  # written last, read first
        record = draft.record()
        here[:0] = (
            draft.remembered("same", record, draft.paths) if draft.paths else [f"same = {draft.name('make', record)}(scope, run)"]
        )
    lines = ["def told(root, run, known, repeated):", "    found = []"]
    if rule.before is not None:
        lines += [f"    if not {draft.name('ask', ask(rule.before))}(root, run):", "        return found"]
    if rule.name:
        lines.append(f"    entered = run.entered({draft.name('name', rule.name)})")
    each = f"run.each(root, {draft.name('group', rule.each)})" if rule.each else "(root,)"
    lines += [f"    scopes = {each}", "    around = nothing", "    for scope in scopes:"]
    if "wide" in draft.used:
        once[:0] = ["around = scope.parent", *_reading(draft, "wide")]
        lines += ["        if scope.parent is not around:", *_indented(once, 12)]
    here[:0] = _reading(draft, "near")
    return "\n".join([*lines, *_indented(here, 8), "    return found"])


def _indented(lines: list[str], by: int) -> list[str]:
    return [" " * by + line for line in lines]


def _reading(draft: Draft, where: str) -> list[str]:
    """Lines that read the texts of a scope; where segments stand out of place the function gives up."""
    read = draft.reading(where)
    if read is None:
        return []
    return [f"read = {draft.name('read', read)}(scope)", "if read is None:", "    return None", f"c, {where} = read"]


def _part(draft: Draft, kit: Kit, part: bound.Value | None, once: list[str], here: list[str]) -> str:
    """The source of one part of the key; the lines that make it go where they are to stand."""
    if part is None:
        return "blank"
    reads = [one for one in part.choice if isinstance(one, bound.Read)]
    parts, make = list(of_value(part)), value_of(part, kit)
    if not reads:
        return draft.name("part", make(None, None) or "")  # type: ignore[arg-type]  # a text of the file
    if draft.in_record(parts):
        return draft.recorded(parts, 1, lambda scope, run: (make(scope, run) or "",))[0]
    name = f"part{len(draft.names)}"
    draft.names[name] = None  # taken
    lines = once if draft.is_wide(parts) and not any(one.lenient for one in reads) else here
    if lines is once:
        draft.texts(parts)  # read even where nothing is looked up by them, so that a segment out of place is noticed
    if draft.is_told(parts) and (comes_again(parts) or any(one.steps for one in reads)):
        lines += draft.remembered(name, lambda scope, run: make(scope, run) or "", parts)
    else:
        lines.append(f'{name} = {draft.name("make", make)}(scope, run) or ""')
    return name


def _id(draft: Draft, parts: list[str]) -> list[str]:
    """Lines that make the id; the second resource of one key has its number in it where the rule says `occurrence`."""
    all_ = ", ".join(("type", *parts))
    known = [text for text, part in zip(parts, draft.rule.identity, strict=True) if draft.rule.constant or bound.plain(part)]
    lines = [f"if not ({' or '.join(known) or 'blank'}):", "    return None"]
    if None not in draft.rule.identity:
        return [*lines, f"rid = identify({all_})"]
    return [
        *lines,
        f"key = ({all_})",
        "number = repeated[key] = repeated.get(key, 0) + 1",
        f"rid = identify({all_}) if number == 1 else identify({all_}, text(number))",
    ]
