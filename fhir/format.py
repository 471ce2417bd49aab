"""FHIR R4 JSON as a format: `reads: fhir DiagnosticReport`, with paths in FHIR's own names, typed by the model.

A path is names joined by dots, `code.coding.code`. `resolve` follows a reference to a resource of the same document (a Bundle's entry,
a contained resource); a type's name keeps that type: `subject.resolve.Patient.birthDate`. `[2]` is the second of a list,
`[system=urn:x]` those with that value, `extension[url]` those with that url. Inside `each result.resolve` names mean that resource, and
those it lacks the enclosing one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any, ClassVar

from engine.fault import Fault, Kind
from engine.types import Envelope, Put
from fhir import reading
from fhir.encode import loads
from fhir.model import Element, children, resources
from fhir.model import element as known
from fhir.node import Node
from fhir.path_names import Name, names_of
from fhir.reading_together import together
from fhir.received import puts


@dataclass(frozen=True, slots=True)
class FhirPath:
    """A compiled path: so many scopes up, then the names."""

    text: str
    names: tuple[Name, ...]
    type: str
    repeats: bool
    ups: int = 0
    typed_by: str = ""
    stands: str = ""  # the element that must stand for it to give anything, as `Observation.valueQuantity`; see Node.valued
    first: Callable[[Any], Any] = field(init=False, repr=False, compare=False)  # the first value in a scope, or None
    _every: reading.Every = field(init=False, repr=False, compare=False)

    @property
    def outer(self) -> bool:
        """Whether it reads what encloses the scope."""
        return self.ups > 0

    def __post_init__(self) -> None:
        object.__setattr__(self, "first", reading.in_scope(self.names, self.ups))
        object.__setattr__(self, "_every", reading.every(self.names))

    def home(self, scope: Any) -> Any:
        """The scope it is read in."""
        for _ in range(self.ups):
            scope = scope.parent
        return scope

    def all(self, scope: Any) -> list[Any]:
        """Every value."""
        for _ in range(self.ups):
            scope = scope.parent
        found: list[Any] = []
        self._every(scope.value, scope.shelf, found)
        return found

    def null(self, scope: Any) -> bool:
        """FHIR has no way to say delete."""
        return False

    def where(self, scope: Any) -> tuple[str, int, int]:
        """The place with its real indexes; bytes are not told."""
        return next((place for place, _ in self.home(scope).walk(self.names)), self.text), 0, 0


@dataclass(frozen=True, slots=True)
class Fhir:
    """FHIR R4 in JSON: a resource or a Bundle."""

    media: ClassVar[str] = "application/fhir+json"

    name: str = "fhir"

    def recognises(self, body: bytes) -> bool:
        """Whether a file looks like a FHIR resource in JSON."""
        return body.lstrip()[:1] == b"{" and b'"resourceType"' in body

    def envelope(self, body: bytes) -> Envelope | Fault:
        """The resource type, its id and its subject."""
        scope = self.parse(body)
        if isinstance(scope, Fault):
            return scope
        value = scope.value
        subject = value.get("subject") or value.get("patient") or {}
        about = subject.get("reference", "") if isinstance(subject, dict) else ""
        return Envelope(type=value["resourceType"], control_id=str(value.get("id", "")), key=str(about or value.get("id", "")))

    def parse(self, body: bytes) -> Node | Fault:
        """Reads a resource or a Bundle."""
        value = loads(body)
        if isinstance(value, Fault):
            return value
        return root(value)

    def puts(self, scope: Node) -> tuple[Put, ...]:
        """The resources a document holds, for channels that map nothing."""
        return puts(scope.value)

    def path(self, text: str, structure: str, group: str) -> FhirPath | Fault:
        """Compiles a path as seen from inside a chain of `each`, from a resource of type `structure`."""
        names = names_of(text)
        if names is None:
            return Fault(
                Kind.INCORRECT, "E527", f"{text} is not a path", help="names joined by dots: code.coding.code, name[1].family"
            )
        if structure and structure not in resources():
            near = get_close_matches(structure, resources(), 1)
            return Fault(
                Kind.NOT_FOUND, "E528", f"R4 has no resource {structure}", help=f"did you mean {near[0]}?" if near else ""
            )
        if not structure:
            return FhirPath(text, names, "", True)
        types = _chain(structure, group)
        if isinstance(types, Fault):
            return types
        wrong: Fault | None = None
        itself = bool(group) and text == group.rpartition("/")[2]  # inside, a path means that one instance
        for ups, place in enumerate(reversed(types)):
            found = _follow(place, names)
            if isinstance(found, Fault):
                wrong = wrong or found
                continue
            if itself and ups:
                return FhirPath(text, (), found.type, False)
            return FhirPath(text, found.names, found.type, found.repeats, ups, stands=found.stands)
        return wrong or Fault(Kind.NOT_FOUND, "E528", f"there is no {text}")

    def together(self, paths: Sequence[FhirPath]) -> Callable[[Node], tuple[Any, ...]]:
        """Reads the first value of each path, none of them outer, from one scope."""
        return together([(path.names, path.first) for path in paths])

    def focus(self, resources: Sequence[dict[str, Any]], type: str) -> list[Node]:
        """A scope for each resource of a type among those a message became."""
        return focus(resources, type)

    def within(self, scope: Node, type: str) -> list[Node]:
        """A scope for each resource of a type in a document: itself, its contained ones, a Bundle's entries."""
        found = {id(one): one for one in scope.shelf.values() if isinstance(one, dict) and one.get("resourceType") == type}
        return [Node(one, None, "", 0, scope.shelf) for one in found.values()]

    def group(self, name: str, structure: str, group: str) -> Fault | None:
        """What is wrong with `each name`."""
        found = self.path(name, structure, group)
        return found if isinstance(found, Fault) else None


def root(value: Any) -> Node | Fault:
    """A document's scope; its resources are found by `Type/id`, by fullUrl and, contained ones, by `#id`."""
    if not isinstance(value, dict) or not isinstance(value.get("resourceType"), str):
        return Fault(
            Kind.INCORRECT, "E526", "the document is no FHIR resource", help="it must be a JSON object with a resourceType"
        )
    return Node(value, None, "", 0, shelf_of([value]))


def shelf_of(values: Sequence[Any]) -> dict[str, Any]:
    """Every resource of the documents, by what refers to it."""
    shelf: dict[str, Any] = {}
    for value in values:
        if not isinstance(value, dict):
            continue
        shelf[f"{value.get('resourceType')}/{value.get('id')}"] = value
        for inner in value.get("contained", ()):
            shelf[f"#{inner.get('id')}"] = inner
        for entry in value.get("entry", ()):
            resource = entry.get("resource")
            if isinstance(resource, dict):
                shelf |= shelf_of([resource])
                if "fullUrl" in entry:
                    shelf[entry["fullUrl"]] = resource
    return shelf


def focus(resources: Sequence[dict[str, Any]], type: str) -> list[Node]:
    """A scope for each resource of a type among those a message became, the others there to be resolved."""
    shelf = shelf_of(resources)
    return [Node(one, None, "", 0, shelf) for one in resources if one.get("resourceType") == type]


Place = tuple[tuple[str, ...], str]  # the types that may stand there, and the path below them: (("Patient",), "name")


def _chain(structure: str, group: str) -> list[Place] | Fault:
    """The place of each enclosing scope, outermost first."""
    places: list[Place] = [((structure,) if structure else (), "")]
    for part in group.split("/") if group else ():
        names = names_of(part)
        if names is None:
            return Fault(Kind.INCORRECT, "E527", f"{part} is not a path")
        wrong: Fault | None = None
        for place in reversed(places):
            found = _follow(place, names)
            if not isinstance(found, Fault):
                places.append((found.types, found.below))
                break
            wrong = wrong or found
        else:
            return wrong or Fault(Kind.NOT_FOUND, "E528", f"there is no {part}")
    return places


@dataclass(frozen=True, slots=True)
class Followed:
    """Where a path leads: its place, its type, whether anything on the way repeats, and the names with the types that were chosen."""

    types: tuple[str, ...]
    below: str
    type: str
    repeats: bool
    names: tuple[Name, ...]
    stands: str


def _follow(place: Place, names: Sequence[Name]) -> Followed | Fault:
    """Where names lead from a place. Of several types a reference may point to, the first that has the next name is meant."""
    types, below = place
    last: Element | None = None
    repeats, made, stands = False, [], f"{types[0]}.{below.partition('.')[0]}" if len(types) == 1 and below else ""
    for name in names:
        if name.text == "resolve":
            if last is None or last.type != "Reference":
                return Fault(Kind.NOT_FOUND, "E528", "resolve follows a Reference only")
            types, below, last = tuple(t for t in last.targets if t != "Resource") or tuple(resources()), "", None
        elif name.text[:1].isupper():
            types, below, last = (name.text,), "", None
        else:
            found = next(((one, element) for one in types if (element := known(_join(one, below, name.text)))), None)
            if found is None:
                return _missing(types, below, name.text)
            made += [Name(found[0])] if len(types) > 1 else []
            types, last = (found[0],), found[1]
            stands = stands if below else f"{found[0]}.{name.text}"
            below = f"{below}.{name.text}" if below else name.text
            repeats = repeats or (last.max != 1 and not name.nth)
        made.append(name)
    return Followed(types, below, last.type if last else "Resource", repeats, tuple(made), stands)


def _join(type: str, below: str, name: str) -> str:
    return ".".join(filter(None, (type, below, name)))


def _missing(types: tuple[str, ...], below: str, name: str) -> Fault:
    where = ".".join(filter(None, (types[0] if types else "Resource", below)))
    near = get_close_matches(name, children(where), 1)
    return Fault(Kind.NOT_FOUND, "E528", f"{where} has no element {name}", help=f"did you mean {near[0]}?" if near else "")
