"""Keys of persons, organizations and patients: which number, in whose name.

A number means nothing without who assigned it: a key is `authority|number`, the authority being the OID, URI or name of HD; where none was
sent it is the sending facility (MSH-4), so that two hospitals' number 4711 never meet.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from engine.fault import Fault, Kind
from fhir.convert.rep import Rep, whole
from fhir.convert.systems import LOCAL, authority_uri

PREFERRED = ("MR", "PI", "PT", "PN", "")  # before all other types; an account or social security number comes last
LAST = ("SS", "SB", "AN", "VN", "DL", "PPN", "CZ")


def numbered(value: Rep | str, number: int, authority: int) -> str:
    """`authority|number` of the component that holds the number; '' when it is not valued."""
    rep = whole(value)
    text = rep[number].strip()
    if not text:
        return ""
    uri = authority_uri(rep[authority].strip(), rep.sub(authority, 2), rep.sub(authority, 3))
    return f"{uri or LOCAL + getattr(value, 'facility', '')}|{text}"


def _rank(kind: str) -> int:
    if kind in PREFERRED:
        return PREFERRED.index(kind)
    return len(PREFERRED) + (1 + LAST.index(kind) if kind in LAST else 0)


def patient(values: Sequence[Rep]) -> str | Fault | None:
    """The number that stands for the patient among the repetitions of PID-3: the medical record number before other types.

    One authority with two numbers of one type names two patients: that is refused, for a result must never reach the wrong one.
    """
    best: tuple[int, str] | None = None
    seen: dict[tuple[str, str], str] = {}
    for value in values:
        key, kind = numbered(value, 1, 4), whole(value)[5].strip().upper()
        if not key:
            continue
        named, _, number = key.rpartition("|")
        if seen.setdefault((named, kind), number) != number:
            help = "send one number of a type for each assigning authority"
            return Fault(Kind.INCORRECT, "E454", "one assigning authority gives the patient two numbers of one type", help=help)
        if best is None or _rank(kind) < best[0]:
            best = (_rank(kind), key)
    return best[1] if best else None


def person(value: Rep | str) -> str | None:
    """The key of an XCN: its number, or, where none was sent, its name within the sending facility."""
    if key := numbered(value, 1, 9):
        return key
    rep = whole(value)
    name = "^".join(rep[comp].strip() for comp in (2, 3, 4, 5, 7))
    return f"{LOCAL}{getattr(value, 'facility', '')}|{name}" if name.strip("^") else None


def named_link(value: Rep | str) -> str | None:
    """The key of an NDL: the number, or the name within the sending facility, of the person in its first component."""
    rep = whole(value)
    number = rep[1].strip() or "^".join(rep.sub(1, sub).strip() for sub in (2, 3, 4, 5, 7)).rstrip("^")
    uri = authority_uri(rep.sub(1, 9).strip(), rep.sub(1, 10), rep.sub(1, 11))
    return f"{uri or LOCAL + getattr(value, 'facility', '')}|{number}" if number else None


def organization(value: Rep | str) -> str | None:
    """The key of an XON: its number, or, where none was sent, its name within the sending facility."""
    rep = whole(value)
    if key := numbered(value, 10, 6) or numbered(value, 3, 6):
        return key
    name = rep[1].strip()
    return f"{LOCAL}{getattr(value, 'facility', '')}|{name}" if name else None


PLACES = {"site": (), "building": (7,), "floor": (7, 8), "ward": (7, 8, 1), "room": (7, 8, 1, 2), "bed": (7, 8, 1, 2, 3)}


def place(level: str) -> Callable[[Rep | str], str | None]:
    """A function giving the key of a PL down to a level: the places it names so far, within its facility or the sending one."""
    comps = PLACES[level]

    def key(value: Rep | str) -> str | None:
        rep = whole(value)
        home = authority_uri(rep[4].strip(), rep.sub(4, 2), rep.sub(4, 3)) or LOCAL + getattr(value, "facility", "")
        return f"{home}|{level}|" + "^".join(rep[comp].strip() or rep.sub(comp, 2) for comp in comps)

    return key
