"""Writes structures.txt, fields.txt and datatypes.txt from the tables in hl7apy: `python -m adapters.hl7v2.tables.generate`.

hl7apy holds the message structures, segments and data types of HL7 v2.1 to v2.8.2 as nested tuples. They are condensed to
three small files so that the running engine never imports it. Structures are those of the newest version that has them; a
group that older messages do not know and that would swallow their segments carries `@2.7`. Where the standard lists the
segments of two patients one after the other, or those of a merge without a group, each PID begins a group PATIENT, as in
ADT_A39: what stands behind it is that patient's. Prior results begin with the PID they are of: without it nothing tells them
from the next order, which is what an ORC is.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hl7apy import load_library

from adapters.hl7v2.events import canonical

HERE = Path(__file__).parent
VERSIONS = ("2.1", "2.2", "2.3", "2.3.1", "2.4", "2.5", "2.5.1", "2.6", "2.7", "2.8", "2.8.1", "2.8.2")
COUNTS = {(1, 1): "", (0, 1): "?", (0, -1): "*", (1, -1): "+"}
PATIENTS = ("ADT_A17", "ADT_A18", "ADT_A30")
NEEDED = ("PATIENT_PRIOR",)
SINCE_2_7 = ("PATIENT_OBSERVATION", "PERSON_OBSERVATION", "ORDER_DOCUMENT")


def main() -> None:
    """Writes the three files."""
    libraries = {version: load_library(version) for version in VERSIONS}
    (HERE / "structures.txt").write_text(_structures(libraries), encoding="utf-8")
    (HERE / "fields.txt").write_text(_fields(libraries), encoding="utf-8")
    (HERE / "datatypes.txt").write_text(_datatypes(libraries), encoding="utf-8")


def _structures(libraries: dict[str, Any]) -> str:
    """One line a structure: its name, the version it is from, and its segments and groups in order."""
    newest: dict[str, tuple[str, Any]] = {}
    for version, library in libraries.items():
        newest |= {
            name: (version, tree) for name, tree in library.MESSAGES.items() if "nn" not in name and canonical(name) == name
        }
    return "".join(
        f"{name} {version} {_grouped(_render(tree, name), name)}\n" for name, (version, tree) in sorted(newest.items())
    )


def _grouped(structure: str, name: str) -> str:
    """A structure with a group PATIENT for each of its patients, where the standard has none."""
    head, *patients = structure.split(" PID ")
    return f"{head} PATIENT+(PID {patients[0]})" if name in PATIENTS else structure


def _render(tree: Any, root: str) -> str:
    out = []
    for name, child, count, kind in tree[1]:
        mark = COUNTS.get(tuple(count), "*")
        if kind != "GRP":
            out.append(name + mark)
        elif child[0] == "choice" and all(grandchild[3] != "GRP" for grandchild in child[1]):
            out += [grandchild[0] + ("*" if mark in ("*", "+") else "?") for grandchild in child[1]]
        else:
            short = _short(name, root)
            mark = "" if short in NEEDED else mark
            out.append(f"{short}{'@2.7' if short in SINCE_2_7 else ''}{mark}({_render(child, root)})")
    return " ".join(out)


def _short(name: str, root: str) -> str:
    return name.removeprefix(f"{root}_")


def _fields(libraries: dict[str, Any]) -> str:
    """One line a field: OBX-3 OBSERVATION_IDENTIFIER 1 2.1:CE 2.6:CWE (maximum repetitions, 0 for any)."""
    rows: dict[tuple[str, int], list[Any]] = {}
    for version, library in libraries.items():
        for segment, tree in library.SEGMENTS.items():
            if len(segment) != 3:
                continue
            for name, _, count, _ in _rows(tree):
                number = int(name.rsplit("_", 1)[1])
                kind, title = library.FIELDS[name][2:4]
                row = rows.setdefault((segment, number), ["", 1, []])
                if not kind or kind == "-" or tuple(count) == (0, 0):
                    continue
                row[0], row[1] = title, 0 if count[1] == -1 or row[1] == 0 else max(row[1], count[1])
                if not row[2] or row[2][-1].split(":")[1] != kind:
                    row[2].append(f"{version}:{kind}")
    return "".join(
        f"{segment}-{number} {title or '-'} {most} {' '.join(types)}".rstrip() + "\n"
        for (segment, number), (title, most, types) in sorted(rows.items())
    )


def _rows(tree: Any) -> Any:
    rows = tree[1] if len(tree) > 1 else ()
    return rows if all(isinstance(row, (tuple, list)) for row in rows) else (rows,)  # ORO of v2.1 holds one bare field


def _datatypes(libraries: dict[str, Any]) -> str:
    """One line a component: CWE.1 IDENTIFIER 2.3:ST. A type without components has none."""
    rows: dict[tuple[str, int], list[Any]] = {}
    for version, library in libraries.items():
        for name, components in library.DATATYPES_STRUCTS.items():
            for component, child, _, _ in components:
                number = int(component.rsplit("_", 1)[1])
                kind, title = child[2:4]
                if not kind or kind == "-":
                    continue
                row = rows.setdefault((name, number), [title, []])
                row[0] = title
                if not row[1] or row[1][-1].split(":")[1] != kind:
                    row[1].append(f"{version}:{kind}")
    return "".join(f"{name}.{number} {title} {' '.join(types)}\n" for (name, number), (title, types) in sorted(rows.items()))


if __name__ == "__main__":
    main()
