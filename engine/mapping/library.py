"""A folder of mappings, tables and parts, read and compiled: what channels, the command line and tests ask for.

mappings/*.yaml            mappings, and parts that mappings include
mappings/tables/*.yaml     code tables (and the CSV files they name)
mappings/*.test.yaml       tests, read by testing.py
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from collections.abc import Mapping as MappingOf
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path, PurePosixPath
from types import MappingProxyType
from typing import Any

from engine.diagnostic import Diagnostic, Span, absent, declared, did_you_mean, errors, sourced
from engine.fault import Fault
from engine.heap import building
from engine.mapping import tree
from engine.mapping.bind import bind
from engine.mapping.context import Ends
from engine.mapping.functions import FUNCTIONS, Function
from engine.mapping.mapping import Mapping, compile_plan
from engine.mapping.ports import Converters, Model
from engine.mapping.read import read
from engine.mapping.tables import Table, read_table
from engine.types import Format

LANGUAGE = "1"  # part of every digest: raised when the same file would give other resources


@dataclass(frozen=True, slots=True)
class Plugins:
    """What mappings may use. See installed.py for those of this installation."""

    formats: MappingOf[str, Format]
    models: MappingOf[str, Model]
    converters: Sequence[Converters] = ()
    functions: MappingOf[str, Function] = field(default_factory=lambda: FUNCTIONS)


@dataclass(frozen=True, slots=True)
class Made:
    """What a mapping was made of, and what was found in it."""

    files: tuple[str, ...]
    found: tuple[Diagnostic, ...]


@dataclass(frozen=True, slots=True)
class Library:
    """A folder's mappings by name. Those with errors are missing; the findings say why."""

    mappings: MappingOf[str, Mapping]
    tables: MappingOf[str, Table]
    diagnostics: tuple[Diagnostic, ...]
    files: MappingOf[str, str]
    made: MappingOf[str, Made] = field(default_factory=dict)  # of each mapping
    gone: frozenset[str] = frozenset()  # sentences (`absent`) that only follow from other findings

    @property
    def sound(self) -> bool:
        """Whether nothing in the folder is in error."""
        return not errors(self.diagnostics)


def read_files(folder: Path) -> dict[str, str]:
    """The texts of a folder's YAML and CSV files by their names below it, tests and samples left out."""
    found = {}
    for path in sorted((*folder.glob("*.yaml"), *folder.glob("tables/*.yaml"), *folder.glob("tables/*.csv"))):
        if path.is_file() and not path.name.endswith(".test.yaml"):
            found[path.relative_to(folder).as_posix()] = path.read_bytes().decode("utf-8", "surrogateescape")
    return found


def load_folder(folder: Path, plugins: Plugins, known: Library | None = None) -> Library:
    """Reads and compiles a folder; never raises for what stands in its files. Of a `known` one, what no change concerns is kept as it is."""
    return load_files(read_files(folder), plugins, folder.name, known)


def load_files(files: MappingOf[str, str], plugins: Plugins, folder: str, known: Library | None = None) -> Library:
    """The same for files that have been read from a folder of this name."""
    shelf = _Shelf(folder, files, plugins, known)
    return known if known is not None and known.files == shelf.texts else _build(shelf)


@dataclass(slots=True)
class _Shelf:
    """What is gathered while a folder is compiled."""

    folder: str
    files: MappingOf[str, str]
    plugins: Plugins
    known: Library | None = None
    tables: dict[str, Table] = field(default_factory=dict)
    trees: dict[str, tree.Tree] = field(default_factory=dict)
    mappings: dict[str, Mapping] = field(default_factory=dict)
    made: dict[str, Made] = field(default_factory=dict)
    found: list[Diagnostic] = field(default_factory=list)

    def shown(self, name: str) -> str:
        """A file's name as people see it."""
        return f"{self.folder}/{name}" if self.folder else name

    @property
    def texts(self) -> dict[str, str]:
        """The files' texts by the names people see."""
        return {self.shown(name): text for name, text in self.files.items()}


def build(files: MappingOf[str, str], plugins: Plugins, folder: str = "mappings") -> Library:
    """Compiles texts by file name. Pure."""
    return _build(_Shelf(folder, files, plugins))


def _build(shelf: _Shelf) -> Library:
    with building():
        _fill(shelf)
    texts = shelf.texts
    unmade = {absent("mapping", one.name) for one in shelf.trees.values() if one.reads.name and one.name not in shelf.mappings}
    gone = frozenset(declared(texts, shelf.found) | unmade)
    found = tuple(sourced((one for one in shelf.found if one.text not in gone), texts))
    made = MappingProxyType(shelf.made)
    return Library(MappingProxyType(shelf.mappings), MappingProxyType(shelf.tables), found, texts, made, gone)


def _fill(shelf: _Shelf) -> None:
    for name in shelf.files:
        if name.endswith(".yaml"):
            (_add_table if PurePosixPath(name).parent.name == "tables" else _add_tree)(name, shelf)
    for one in shelf.trees.values():
        if one.reads.name and not _kept(one, shelf):
            _compile(one, shelf)


def _add_table(name: str, shelf: _Shelf) -> None:
    parent = PurePosixPath(name).parent
    table, wrong = read_table(shelf.files[name], shelf.shown(name), lambda beside: shelf.files.get((parent / beside).as_posix()))
    shelf.found += wrong
    if table is not None and table.name in shelf.tables:
        first = shelf.tables[table.name].file
        shelf.found.append(Diagnostic("E202", f"the table {table.name} stands in {first} already", table.at))
    elif table is not None:
        shelf.tables[table.name] = table


def _add_tree(name: str, shelf: _Shelf) -> None:
    made, wrong = read(shelf.files[name], shelf.shown(name))
    shelf.found += wrong
    if made is not None and made.name in shelf.trees:
        first = shelf.trees[made.name].file
        shelf.found.append(Diagnostic("E202", f"{made.name} stands in {first} already", Span(shelf.shown(name))))
    elif made is not None:
        shelf.trees[made.name] = made


def _kept(one: tree.Tree, shelf: _Shelf) -> bool:
    """Whether a mapping is known and none of the files it was made of has changed: then it is taken as it is."""
    known = shelf.known
    made = known.made.get(one.name) if known is not None else None
    if known is None or made is None or made.files[0] != one.file:
        return False
    texts = shelf.texts
    if any(texts.get(name) != known.files.get(name) for name in made.files):
        return False
    shelf.mappings[one.name], shelf.made[one.name] = known.mappings[one.name], made
    shelf.found += made.found
    return True


def _compile(one: tree.Tree, shelf: _Shelf) -> None:
    plugins, found = shelf.plugins, shelf.found
    before = len(found)
    format, model = plugins.formats.get(one.reads.name), plugins.models.get(one.writes.name)
    if format is None:
        help = did_you_mean(one.reads.name, plugins.formats)
        found.append(Diagnostic("E317", absent("format", one.reads.name), one.reads.at, help))
    found += _structure(format, one)
    if hasattr(model, "of"):
        model = _narrow(model, one, found)
    elif model is None:
        help = did_you_mean(one.writes.name, plugins.models)
        found.append(Diagnostic("E317", absent("model", one.writes.name), one.writes.at, help))
    elif model.name != " ".join((one.writes.name, one.writes.rest)).strip():
        text = f"{one.writes.name} {one.writes.rest}".strip()
        found.append(Diagnostic("E317", f"{text} cannot be written", one.writes.at, f"write `{model.name}`"))
    parts = _parts(one, shelf)
    if format is None or model is None or parts is None or any(one.code == "E317" for one in found[before:]):
        return
    ends = Ends(format, one.reads.rest, model, plugins.converters, shelf.tables, plugins.functions)
    plan, wrong = bind(one, ends, parts)
    found += wrong
    if plan is not None:
        tables = [shelf.tables[name] for name in plan.tables]
        used = [one.file, *(part.file for part in parts), *(name for table in tables for name in (table.file, table.csv) if name)]
        shelf.mappings[one.name] = compile_plan(plan, digest(shelf.texts, used))
        shelf.made[one.name] = Made(tuple(used), tuple(wrong))


def _structure(format: Format | None, one: tree.Tree) -> list[Diagnostic]:
    """What is wrong with the structure that `reads:` names, where the format can tell."""
    known = getattr(format, "structure", None)
    fault = known(one.reads.rest) if known is not None and one.reads.rest else None
    start = len(one.reads.name) + 1
    at = one.reads.at.part(start, start + len(one.reads.rest))
    return [Diagnostic("E317", fault.text, at, fault.help)] if fault is not None else []


def _narrow(model: Any, one: tree.Tree, found: list[Diagnostic]) -> Model | None:
    """The model of what `writes:` names behind the model: `hl7v2 ORU_R01`."""
    narrow: Model | Fault = model.of(one.writes.rest)
    if not isinstance(narrow, Fault):
        return narrow
    found.append(Diagnostic("E317", narrow.text, one.writes.at, narrow.help))
    return None


def _parts(one: tree.Tree, shelf: _Shelf) -> list[tree.Tree] | None:
    parts: list[tree.Tree] = []
    for name in one.include:
        part = shelf.trees.get(name.text)
        if part is None or part.reads.name:
            known = [other.name for other in shelf.trees.values() if not other.reads.name]
            help = did_you_mean(name.text, known)
            shelf.found.append(Diagnostic("E323", absent("part", name.text), name.at, help))
            return None
        parts.append(part)
    return parts


def digest(texts: MappingOf[str, str], names: Sequence[str]) -> str:
    """The content hash of the files that make a mapping: which version it was that worked a message."""
    whole = sha256(LANGUAGE.encode())
    for name in names:
        whole.update(b"\0" + texts.get(name, "").encode("utf-8", "surrogateescape"))
    return whole.hexdigest()[:16]


def choose(library: Library, format: str, type: str) -> Mapping | None:
    """The mapping of a folder for a message's type, `ORU^R01` or `ORU^R01^ORU_R01`."""
    return fits(library.mappings.values(), format, type)


def fits(mappings: Iterable[Mapping], format: str, type: str) -> Mapping | None:
    """The one that reads this type: by its listed events first, then by its structure."""
    code, event, structure = [*type.split("^"), "", "", ""][:3]
    fitting = [one for one in mappings if one.reads[0] == format]
    for one in fitting:
        if event and event in one.plan.events and (not one.reads[1] or one.reads[1].partition("_")[0] == code):
            return one
    for name in (structure, f"{code}_{event}", code):
        for one in fitting:
            if name and one.reads[1] == name and not (event and one.plan.events):
                return one
    return next((one for one in fitting if not one.reads[1] and not one.plan.events), None)
