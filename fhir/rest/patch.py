"""Patches: JSON Patch (RFC 6902), merge patch (RFC 7396) and FHIRPath Patch, each as a function from a resource to the next.

A merge patch also comes as plain `application/json`: a well-known client sends it so.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Callable
from typing import Any

from engine.fault import Fault, Kind
from fhir import encode
from fhir.rest import fhirpatch
from fhir.rest.call import Call
from fhir.rest.links import relative

JSON = dict[str, Any]
Patch = Callable[[JSON], "JSON | Fault"]
MAX_OPERATIONS = 500
INDEX = re.compile(r"0|[1-9][0-9]{0,6}")


OPERATIONS = {"add": ("value",), "remove": (), "replace": ("value",), "test": ("value",), "move": ("from",), "copy": ("from",)}


class Wrong(Exception):
    """An operation that does not fit the resource."""


def read(call: Call) -> Patch | Fault:
    """The patch a call carries; what it writes refers to this server without its address."""
    patch = understood(call)
    if isinstance(patch, Fault):
        return patch

    def apply(resource: JSON) -> JSON | Fault:
        changed = patch(resource)
        return changed if isinstance(changed, Fault) else relative(changed, call.base)

    return apply


def understood(call: Call) -> Patch | Fault:
    """The patch by its media type or its look."""
    media = call.headers.get("content-type", "").partition(";")[0].strip().lower()
    if call.resource is not None:
        return fhirpatch.read(call.resource)
    body = (
        encode.loads(b'{"patch":' + call.body + b"}") if call.body else Fault(Kind.INCORRECT, "E557", "the request has no body")
    )
    if isinstance(body, Fault):
        return body
    held = body["patch"]
    if isinstance(held, list) and media in ("application/json-patch+json", "application/json", ""):
        return operations(held)
    if isinstance(held, dict) and held.get("resourceType") == "Parameters":
        return fhirpatch.read(held)
    if isinstance(held, dict) and media in ("application/merge-patch+json", "application/json", "application/fhir+json"):
        return lambda resource: merged(resource, held)
    return Fault(
        Kind.UNSUPPORTED, "E555", "not a patch this server knows", "Content-Type", "application/json-patch+json, for example"
    )


def merged(target: Any, change: JSON) -> Any:
    """RFC 7396: names that are null go, objects are merged, the rest is replaced."""
    result = dict(target) if isinstance(target, dict) else {}
    for name, value in change.items():
        if value is None:
            result.pop(name, None)
        else:
            result[name] = merged(result.get(name), value) if isinstance(value, dict) else value
    return result


def operations(steps: list[Any]) -> Patch | Fault:
    """RFC 6902: all operations in order, or none."""
    if len(steps) > MAX_OPERATIONS or not all(isinstance(step, dict) for step in steps):
        return Fault(Kind.INCORRECT, "E574", "a JSON Patch is a list of operations", "", f"at most {MAX_OPERATIONS}")
    odd = next((place for place, step in enumerate(steps) if not formed(step)), None)
    if odd is not None:
        return Fault(Kind.INCORRECT, "E574", "not an operation of a JSON Patch", f"[{odd}]", "it has op, path, and value or from")

    def apply(resource: JSON) -> JSON | Fault:
        held: Any = {"": copy.deepcopy(resource)}
        for place, step in enumerate(steps):
            try:
                operate(held, step)
            except (Wrong, KeyError, IndexError, TypeError, ValueError):
                return Fault(Kind.INCORRECT, "E579", "an operation does not fit the resource", f"[{place}]", "see its path")
        found = held.get("")
        return found if isinstance(found, dict) else Fault(Kind.INCORRECT, "E579", "the patch leaves no resource")

    return apply


def formed(step: JSON) -> bool:
    """Whether a step is one of RFC 6902's operations."""
    kind = step.get("op")
    needed = OPERATIONS.get(kind) if isinstance(kind, str) else None
    if needed is None or not all(name in step for name in ("path", *needed)):
        return False
    pointers = [step["path"], *([step["from"]] if "from" in needed else [])]
    return all(isinstance(one, str) and (not one or one.startswith("/")) for one in pointers)


def operate(held: Any, step: JSON) -> None:
    """One operation, in place."""
    kind, path = step["op"], pointer(step["path"])
    if kind == "add":
        add(held, path, copy.deepcopy(step["value"]))
    elif kind == "remove":
        remove(held, path)
    elif kind == "replace":
        look(held, path)
        remove(held, path)
        add(held, path, copy.deepcopy(step["value"]))
    elif kind == "test":
        if encode.SORTED.encode(look(held, path)) != encode.SORTED.encode(step["value"]):
            raise Wrong
    elif kind in ("move", "copy"):
        source = pointer(step["from"])
        value = copy.deepcopy(look(held, source))
        if kind == "move":
            if path[: len(source)] == source and path != source:
                raise Wrong
            remove(held, source)
        add(held, path, value)


def pointer(text: str) -> list[str]:
    """RFC 6901: the names of a JSON Pointer, below an outer empty one."""
    return [part.replace("~1", "/").replace("~0", "~") for part in text.split("/")]


def look(held: Any, path: list[str]) -> Any:
    """What stands at a path."""
    for name in path:
        held = held[index(name, len(held) - 1)] if isinstance(held, list) else held[name]
    return held


def index(name: str, most: int) -> int:
    """A place in a list."""
    if not INDEX.fullmatch(name) or int(name) > most:
        raise Wrong
    return int(name)


def add(held: Any, path: list[str], value: Any) -> None:
    """Adds at a path: into an object, or into a list before the place named."""
    parent = look(held, path[:-1])
    if isinstance(parent, list):
        parent.insert(len(parent) if path[-1] == "-" else index(path[-1], len(parent)), value)
    elif isinstance(parent, dict):
        parent[path[-1]] = value
    else:
        raise Wrong


def remove(held: Any, path: list[str]) -> None:
    """Removes what stands at a path."""
    parent = look(held, path[:-1])
    if isinstance(parent, list):
        del parent[index(path[-1], len(parent) - 1)]
    else:
        del parent[path[-1]]
