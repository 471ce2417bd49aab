"""Round trips of the converters: what a mapped component says survives HL7 to FHIR to HL7, and FHIR to HL7 to FHIR."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.fault import Fault
from fhir.convert import converter, pairs
from fhir.convert.rep import Components, Parts, trim

WORD = st.text(
    st.characters(codec="utf-8", exclude_characters="^&~|\\\r\n\t", exclude_categories=("Cc", "Cs", "Zs", "Zl", "Zp")),
    min_size=1,
    max_size=12,
)
CODE = st.text("ABCXYZ0129.-", min_size=1, max_size=8)
OID = st.lists(st.integers(0, 9999), min_size=1, max_size=5).map(lambda arcs: "2." + ".".join(map(str, arcs)))
HD = st.one_of(
    st.just([""]),
    WORD.map(lambda name: [name]),
    OID.map(lambda oid: ["", oid, "ISO"]),
    st.tuples(WORD, OID).map(lambda hd: [*hd, "ISO"]),
)
DAY = st.dates().map(lambda day: day.strftime("%Y").zfill(4) + day.strftime("%m%d"))
SECOND = st.datetimes().map(lambda at: at.strftime("%Y").zfill(4) + at.strftime("%m%d%H%M%S"))
TIME = st.one_of(
    DAY, st.tuples(SECOND, st.sampled_from(["", ".1", ".250"]), st.sampled_from(["+0000", "-0500", "+0530"])).map("".join)
)
NUMBER = st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**9), max_value=10**9, places=3).map(
    lambda d: format(d, "f")
)
SYSTEM = st.one_of(
    st.sampled_from(["LN", "SCT", "UCUM", "I10", "HL70078", "L", "99LAB"]), OID, CODE.map(lambda code: "99" + code)
)


def field(parts: dict[int, Any], last: int) -> Components:
    """Components by their numbers, the others empty, empty ones at the end left out."""
    rows = [part if isinstance(part := parts.get(number, ""), list) else [part] for number in range(1, last + 1)]
    while len(rows) > 1 and not any(rows[-1]):
        rows.pop()
    return [trim(row) for row in rows]


def maybe(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.one_of(st.just(""), strategy)


@st.composite
def triplets(draw: st.DrawFn) -> Components:
    parts: dict[int, Any] = {9: draw(maybe(WORD))}
    for code, text, name, version in ((1, 2, 3, 7), (4, 5, 6, 8), (10, 11, 12, 13))[: draw(st.integers(1, 3))]:
        parts |= {code: draw(WORD), text: draw(maybe(WORD)), name: draw(SYSTEM), version: draw(maybe(WORD))}
    return field(parts, 13)


def numbered(strategies: dict[int, st.SearchStrategy[Any]], last: int) -> st.SearchStrategy[Components]:
    return st.fixed_dictionaries(strategies).map(lambda parts: field(parts, last))


NAME = {
    1: WORD,
    2: WORD,
    3: maybe(WORD),
    4: WORD,
    5: maybe(WORD),
    6: WORD,
    7: st.sampled_from(["", "L", "D", "M", "N", "MSK"]),
    12: maybe(TIME),
    13: maybe(TIME),
    14: maybe(WORD),
}
DOCTOR = {
    1: WORD,
    2: WORD,
    3: WORD,
    4: maybe(WORD),
    5: WORD,
    6: maybe(WORD),
    7: WORD,
    9: HD,
    10: st.sampled_from(["", "L"]),
    13: st.sampled_from(["NPI", "EI", "ZZ"]),
    19: maybe(TIME),
    20: maybe(TIME),
    21: maybe(WORD),
}
FIELDS: dict[tuple[str, str], st.SearchStrategy[Components]] = {
    ("CWE", "CodeableConcept"): triplets(),
    ("CWE", "Coding"): numbered({1: WORD, 2: maybe(WORD), 3: SYSTEM, 7: maybe(WORD)}, 7),
    ("CX", "Identifier"): numbered(
        {
            1: WORD,
            2: maybe(WORD),
            3: maybe(WORD),
            4: HD,
            5: maybe(st.sampled_from(["MR", "PI", "SS", "LOCAL"])),
            7: maybe(DAY),
            8: maybe(DAY),
        },
        8,
    ),
    ("EI", "Identifier"): st.tuples(WORD, HD).map(lambda parts: field(dict(enumerate([parts[0], *parts[1]], 1)), 4)),
    ("EIP", "Identifier"): numbered(
        {1: st.tuples(WORD, HD).map(lambda p: [p[0], *p[1]]), 2: st.tuples(WORD, HD).map(lambda p: [p[0], *p[1]])}, 2
    ),
    ("HD", "uri"): st.one_of(WORD.map(lambda name: [[name]]), OID.map(lambda oid: [[""], [oid], ["ISO"]])),
    ("DLN", "Identifier"): numbered({1: WORD, 2: maybe(WORD), 3: maybe(DAY)}, 3),
    ("XPN", "HumanName"): numbered(NAME, 14),
    ("XCN", "Practitioner"): numbered(DOCTOR, 21),
    ("XAD", "Address"): numbered(
        {
            1: WORD,
            2: maybe(WORD),
            3: WORD,
            4: maybe(WORD),
            5: maybe(WORD),
            6: maybe(WORD),
            7: st.sampled_from(["", "H", "BA", "BI", "C", "B", "M"]),
            9: maybe(WORD),
            10: maybe(WORD),
            13: maybe(TIME),
            14: maybe(TIME),
        },
        14,
    ),
    ("XON", "Organization"): numbered({1: WORD, 6: HD, 7: st.sampled_from(["XX", "LOCAL"]), 10: WORD}, 10),
    ("DTM", "dateTime"): TIME.map(lambda text: [[text]]),
    ("DTM", "instant"): TIME.filter(lambda text: len(text) > 8).map(lambda text: [[text]]),
    ("DTM", "date"): DAY.map(lambda text: [[text]]),
    ("DR", "Period"): numbered({1: TIME, 2: maybe(TIME)}, 2),
    ("TM", "time"): st.times().map(lambda at: [[at.strftime("%H%M%S")]]),
    ("NM", "Quantity"): NUMBER.map(lambda text: [[text]]),
    ("NM", "decimal"): NUMBER.map(lambda text: [[text]]),
    ("SN", "Quantity"): numbered({1: st.sampled_from(["", "<", ">="]), 2: NUMBER}, 2),
    ("SN", "Range"): numbered({2: NUMBER, 3: st.just("-"), 4: NUMBER}, 4),
    ("SN", "Ratio"): numbered({1: st.sampled_from(["", ">"]), 2: NUMBER, 3: st.just(":"), 4: NUMBER}, 4),
    ("NR", "Range"): numbered({1: NUMBER, 2: maybe(NUMBER)}, 2),
    ("CQ", "Quantity"): numbered(
        {1: NUMBER, 2: st.one_of(WORD.map(lambda unit: [unit]), st.just(["mg", "milligram", "UCUM"]))}, 2
    ),
    ("MO", "Money"): numbered({1: NUMBER, 2: maybe(st.sampled_from(["USD", "EUR"]))}, 2),
    ("CP", "Money"): NUMBER.map(lambda text: [[text, "MXN"]]),
    ("ST", "string"): WORD.map(lambda text: [[text]]),
    ("NA", "SampledData"): st.lists(NUMBER, min_size=1, max_size=9).map(lambda points: [[point] for point in points]),
    ("RP", "Attachment"): numbered({1: WORD, 3: st.just("image"), 4: st.just("png")}, 4),
    ("ED", "Attachment"): st.binary(min_size=1, max_size=40)
    .filter(lambda raw: raw[:1] < b"\x40")
    .map(lambda raw: [[""], ["application"], ["octet-stream"], ["Base64"], [__import__("base64").b64encode(raw).decode()]]),
    ("ID", "boolean"): st.sampled_from(["Y", "N"]).map(lambda text: [[text]]),
    ("NDL", "HumanName"): st.tuples(WORD, WORD).map(lambda name: [["", *name]]),
}


@pytest.mark.parametrize("pair", FIELDS, ids=lambda pair: "-".join(pair))
def test_mapped_components_survive_the_round_trip(pair: tuple[str, str]) -> None:
    both = converter(*pair)
    assert both is not None and both.to_v2 is not None
    to_fhir, to_v2 = both.to_fhir, both.to_v2

    @given(FIELDS[pair])
    @settings(max_examples=60, deadline=None)
    def trip(sent: Components) -> None:
        there = to_fhir(Parts(sent))
        assert there is not None and not isinstance(there, Fault)
        assert to_v2(there) == sent

    trip()


@given(
    st.sampled_from(["phone", "fax", "pager", "email", "other"]),
    WORD,
    st.sampled_from(["", "home", "work", "mobile"]),
    st.integers(0, 9),
    maybe(TIME),
)
def test_a_contact_point_survives_hl7(system: str, text: str, use: str, rank: int, since: str) -> None:
    both = converter("XTN", "ContactPoint")
    assert both is not None and both.to_v2 is not None
    point: dict[str, Any] = {"system": system, "value": text} | ({"use": use} if use else {}) | ({"rank": rank} if rank else {})
    if since:
        point["period"] = {"start": converter("DTM", "dateTime").to_fhir(since)}  # type: ignore[union-attr]
    assert both.to_fhir(Parts(both.to_v2(point))) == point


@given(
    st.lists(st.lists(st.text(max_size=8), min_size=1, max_size=4), max_size=24),
    st.sampled_from(sorted({(p.source, p.target) for p in pairs() if p.source != "Coded"})),
)
@settings(max_examples=600, deadline=None)
def test_any_field_gives_a_value_nothing_or_a_fault(parts: Components, pair: tuple[str, str]) -> None:
    both = converter(*pair)
    assert both is not None
    found = both.to_fhir(Parts(parts))
    if isinstance(found, Fault):
        assert found.code.startswith("E45") and not any(text in found.text for row in parts for text in row if len(text) > 5)
