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


def _named(key: str, name: tuple[str, ...], value: Rep | str) -> str | None:
    """A number with the family and given name it stands beside: placeholders such as 0000 stand for many people."""
    said = "^".join(part.strip().upper() for part in name)
    if not key and not said.strip("^"):
        return None
    return f"{key or LOCAL + getattr(value, 'facility', '') + '|'}|{said}"


def person(value: Rep | str) -> str | None:
    """The key of an XCN: its number (within the sending facility when nobody assigned it) and its name."""
    rep = whole(value)
    return _named(numbered(value, 1, 9), (rep[2], rep[3]), value)


def named_link(value: Rep | str) -> str | None:
    """The key of an NDL: the number and name of the person in its first component."""
    rep = whole(value)
    uri = authority_uri(rep.sub(1, 9).strip(), rep.sub(1, 10), rep.sub(1, 11)) or LOCAL + getattr(value, "facility", "")
    number = rep[1].strip()
    return _named(f"{uri}|{number}" if number else "", (rep.sub(1, 2), rep.sub(1, 3)), value)


def organization(value: Rep | str) -> str | None:
    """The key of an XON: its number (within the sending facility when nobody assigned it) and its name."""
    rep = whole(value)
    return _named(numbered(value, 10, 6) or numbered(value, 3, 6), (rep[1],), value)


PLACES = {"site": (), "building": (7,), "floor": (7, 8), "ward": (7, 8, 1), "room": (7, 8, 1, 2), "bed": (7, 8, 1, 2, 3)}


def place(level: str) -> Callable[[Rep | str], str | None]:
    """A function giving the key of a PL down to a level: the places it names so far, within its facility or the sending one."""
    comps = PLACES[level]

    def key(value: Rep | str) -> str | None:
        rep = whole(value)
        home = authority_uri(rep[4].strip(), rep.sub(4, 2), rep.sub(4, 3)) or LOCAL + getattr(value, "facility", "")
        return f"{home}|{rep[4].strip().upper()}|{level}|" + "^".join(rep[comp].strip() or rep.sub(comp, 2) for comp in comps)

    return key
