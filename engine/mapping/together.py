"""Resources of one message that are one and the same, told more than once: what repeats adds up, of anything else the later word stands.

What one of two says and the other says with more beside it is written once, with all of it: a person named in a field with a title and
in another one without it has one name.
"""

from __future__ import annotations

from typing import Any

from engine.types import JSON, Put


def join(before: Put, put: Put, merge: bool) -> Put | None:
    """Two resources of one key as one; None when they contradict each other and neither is told to merge."""
    if before is put:
        return before
    if not (merge or before.merge):
        return before if before.body == put.body else None
    clear = before.clear if before.clear == put.clear else tuple(dict.fromkeys((*before.clear, *put.clear)))
    body = before.body if before.body == put.body else _both(before.body, put.body)
    return before if body is before.body and clear is before.clear and before.merge else Put(body, True, clear)


def _both(one: JSON, other: JSON) -> JSON:
    made = {**one, **other}
    for name in one.keys() & other.keys():
        if one[name] != other[name]:
            made[name] = _added(one[name], other[name])
    return made


def _added(one: Any, other: Any) -> Any:
    """The items of two lists, save what others say with more beside it; else the later value, where the earlier one does not say it already."""
    if not (isinstance(one, list) and isinstance(other, list)):
        return one if within(other, one) else other
    kept: list[Any] = []
    for item in (*one, *other):
        if not any(within(item, old) for old in kept):
            kept = [*(old for old in kept if not within(old, item)), item]
    return kept


def within(part: Any, whole: Any) -> bool:
    """Whether all that one value says is said by another."""
    if isinstance(part, dict) and isinstance(whole, dict):
        return all(name in whole and within(value, whole[name]) for name, value in part.items())
    if isinstance(part, list) and isinstance(whole, list):
        return all(any(within(item, other) for other in whole) for item in part)
    return bool(part == whole)
