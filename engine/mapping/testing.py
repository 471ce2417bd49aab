"""Tests in an analyst's words: `*.test.yaml` beside the mappings, run by `isthmus test` and by pytest.

    mapping: oru_r01
    sample: samples/cmp_panel.hl7
    tests:
      - name: a numeric result keeps its precision
        change:
          OBX[1]-5: "7.10"
        expect:
          Observation[1].valueQuantity.value: 7.10

A test states any of `expect` (values by their place), `absent` (places with no value), `count` (resources by type), `refuse` with `at`
(a fault's code and place), `warns` (a warning's code) and `equals` (a file with the resources as JSON). `sample` may be stated again in
a test.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from engine.diagnostic import Diagnostic, Span, did_you_mean, sourced
from engine.document import Items, Node, Pairs, Text, read
from engine.fault import Fault, Kind
from engine.mapping.checks import CHECKS, Made
from engine.mapping.library import Library, Plugins
from engine.types import Format

TOP = ("mapping", "sample", "tests")
KNOWN = ("name", "sample", "change", *CHECKS)
Read = Callable[[str], bytes | None]  # a file beside the test, or None


@dataclass(frozen=True, slots=True)
class Tested:
    """One test's outcome: `failed` says why it did not hold, each with the line that states it."""

    file: str
    mapping: str
    name: str
    failed: tuple[Diagnostic, ...] = ()

    @property
    def passed(self) -> bool:
        """Whether everything stated holds."""
        return not self.failed

    def as_dict(self) -> dict[str, Any]:
        """The outcome as plain JSON."""
        return {
            "file": self.file,
            "mapping": self.mapping,
            "name": self.name,
            "passed": self.passed,
            "failed": [one.as_dict() for one in self.failed],
        }


@dataclass(slots=True)
class _File:
    """One test file while it is run."""

    name: str
    library: Library
    plugins: Plugins
    read: Read
    found: list[Diagnostic] = field(default_factory=list)

    def say(self, text: str, at: Span, help: str = "") -> None:
        self.found.append(Diagnostic("E351", text, at, help))

    def taken(self) -> tuple[Diagnostic, ...]:
        """What was found since the last time."""
        found, self.found = tuple(self.found), []
        return found


def run_folder(folder: Path, library: Library, plugins: Plugins) -> list[Tested]:
    """Runs every test file of a folder."""

    def beside(name: str) -> bytes | None:
        path = (folder / name).resolve()
        inside = path.is_relative_to(folder.resolve())
        return path.read_bytes() if inside and path.is_file() else None

    done: list[Tested] = []
    for path in sorted(folder.glob("*.test.yaml")):
        done += run_file(path.read_bytes(), f"{folder.name}/{path.name}", library, plugins, beside)
    return done


def run_file(text: str | bytes, name: str, library: Library, plugins: Plugins, beside: Read) -> list[Tested]:
    """Runs the tests of one file; a file that cannot be read is one failed test."""
    node, found = read(text, name)
    shown = {name: text if isinstance(text, str) else text.decode("utf-8", "replace")}
    file = _File(name, library, plugins, beside, list(found))
    done: list[Tested] = []
    if isinstance(node, Pairs):
        mapping = _plain(node.get("mapping"))
        for key, value in node:
            if key.text not in TOP:
                file.say(f"{key.text} is not known in a test file", key.at, did_you_mean(key.text, TOP))
            if key.text == "mapping" and mapping not in library.mappings:
                known = list(library.mappings)
                file.say(f"there is no sound mapping called {mapping}", value.at, did_you_mean(mapping, known))
        if file.found:
            return [Tested(name, mapping, "the file", tuple(sourced(file.taken(), shown)))]
        tests = node.get("tests")
        for item in tests.items if isinstance(tests, Items) else ():
            done.append(_test(item, node, mapping, file, shown))
    elif not file.found:
        file.say("a test file is a list of names with values", Span(name), "begin with: mapping: its_name")
    return done or [Tested(name, "", "the file", tuple(sourced(file.taken(), shown)))]


def _plain(node: Node | None) -> str:
    return node.text if isinstance(node, Text) else ""


def _test(item: Node, top: Pairs, mapping: str, file: _File, shown: Mapping[str, str]) -> Tested:
    if not isinstance(item, Pairs):
        file.say("a test is a list of names with values", item.at, "- name: what holds")
        return Tested(file.name, mapping, "?", tuple(sourced(file.taken(), dict(shown))))
    for key, _ in item:
        if key.text not in KNOWN:
            file.say(f"{key.text} is not known in a test", key.at, did_you_mean(key.text, KNOWN))
    made = _made(item, top, mapping, file)
    if made is not None:
        for key, value in item:
            check = CHECKS.get(key.text)
            if check is not None:
                file.found += [Diagnostic("E350", text, at) for text, at in check(made, value, item, file.read)]
        if isinstance(made.result, tuple) and item.get("refuse") is None:
            for fault in made.result:
                file.found.append(Diagnostic("E350", f"the message is refused: {fault}", item.at.part(0, 1), fault.help))
    return Tested(file.name, mapping, _plain(item.get("name")) or "?", tuple(sourced(file.taken(), dict(shown))))


def _made(item: Pairs, top: Pairs, mapping: str, file: _File) -> Made | None:
    """What the mapping makes of the changed sample."""
    sample = item.get("sample") or top.get("sample")
    if not isinstance(sample, Text):
        file.say("the test names no sample", item.at.part(0, 1), "sample: samples/its_file.hl7")
        return None
    body = file.read(sample.text)
    if body is None:
        file.say(f"there is no file {sample.text}", sample.at, "samples stand beside the mappings: samples/its_file.hl7")
        return None
    ready = file.library.mappings[mapping]
    format = file.plugins.formats[ready.reads[0]]
    changed = _change(body, item.get("change"), format, file)
    if changed is None:
        return None
    scope = format.parse(changed)
    if isinstance(scope, Fault):
        return Made((scope,), [])
    done = ready.work(scope)
    return Made(done, []) if isinstance(done, tuple) else Made(done.puts, done.warnings)


def _change(body: bytes, node: Node | None, format: Format, file: _File) -> bytes | None:
    """The sample with some fields written anew. The format's `change` does it where it has one."""
    if node is None:
        return body
    if not isinstance(node, Pairs):
        file.say("change is a list of fields with their new values", node.at, "one a line below it, as OBX[1]-11: X")
        return None
    change = getattr(format, "change", None) or _over_span(format)
    for key, value in node:
        changed = change(body, key.text, _plain(value))
        if isinstance(changed, Fault):
            file.say(changed.text, key.at, changed.help)
            return None
        body = changed
    return body


def _over_span(format: Format) -> Callable[[bytes, str, str], bytes | Fault]:
    """Writes over the bytes a path is read from; a field that is not there cannot be written."""

    def change(body: bytes, path: str, text: str) -> bytes | Fault:
        scope, compiled = format.parse(body), format.path(path, "", "")
        if isinstance(scope, Fault):
            return scope
        if isinstance(compiled, Fault):
            return compiled
        _, start, end = compiled.where(scope)
        missing = Fault(Kind.NOT_FOUND, "E351", f"the sample has no value at {path}", help="choose a sample that has one")
        return body[:start] + text.encode() + body[end:] if end else missing

    return change
