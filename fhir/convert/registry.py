"""The table of converters: (v2 type, FHIR type) to a pair of functions."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from fhir.convert import attachments, codes, identifiers, numbers, people, places, said, telecoms, texts, times, waves


@dataclass(frozen=True, slots=True)
class Converter:
    """One pair. `to_fhir(rep)` gives a FHIR value, None or a Fault; `to_v2(value)` gives components of sub-components."""

    source: str
    target: str
    to_fhir: Callable[..., Any]
    to_v2: Callable[[Any], Any] | None = None
    zoned: bool = False  # to_fhir takes the zone as second argument


# v2.1 to v2.9 names of one and the same
FAMILIES = {
    "CE": "CWE", "CNE": "CWE", "CF": "CWE", "CWE": "CWE", "TS": "DTM", "DTM": "DTM", "CK": "CX", "CN": "XCN", "PN": "XPN",
    "AD": "XAD", "TN": "XTN", "SI": "NM", "TX": "ST", "FT": "ST", "GTS": "ST", "SNM": "ST", "IS": "ID",
}  # fmt: skip
STRINGS = ("string", "markdown")
WORDS = ("code", "uri", "url", "canonical", "id", "oid")

_MANY: list[tuple[tuple[str, ...], tuple[str, ...], Callable[..., Any], Callable[[Any], Any] | None]] = [
    (("CWE",), ("CodeableConcept",), codes.concept, codes.from_concept),
    (("CWE",), ("Coding",), codes.coding, codes.from_coding),
    (("CWE",), ("code",), codes.code, codes.from_text),
    (("CWE",), ("uri", "url"), codes.system, None),
    (("CWE",), STRINGS, codes.words, codes.from_words),
    (("CWE",), ("Quantity",), codes.unit, codes.from_unit),
    (("CWE",), ("Identifier",), codes.identifier, codes.from_identifier),
    (("CWE", "ID", "ST"), ("boolean",), codes.boolean, codes.from_boolean),
    (("ID",), ("CodeableConcept",), codes.bare_concept, codes.from_concept),
    (("ID",), ("Coding",), codes.coding, codes.from_coding),
    (("Coded",), ("CodeableConcept",), codes.coded_concept, None),
    (("Coded",), ("Coding",), codes.coded, None),
    (("Coded",), ("Quantity",), codes.coded_unit, None),
    (("ST",), ("CodeableConcept",), codes.text_concept, codes.from_text_concept),
    (("ST",), STRINGS, texts.text, texts.from_text),
    (("ST", "ID", "DTM", "DT", "TM"), WORDS, texts.word, texts.from_text),
    (("ID", "NM", "DTM", "DT", "TM", "FN", "SAD", "DLN"), STRINGS, texts.word, texts.from_text),
    (("ST",), ("base64Binary",), texts.packed, texts.unpacked),
    (("VR",), STRINGS, texts.vr, texts.from_vr),
    (("XPN",), STRINGS, said.name, None),
    (("XCN",), STRINGS, said.doctor, None),
    (("XAD",), STRINGS, said.address, None),
    (("XTN",), STRINGS, said.telecom, None),
    (("CX",), STRINGS, said.number, None),
    (("MO", "CP"), STRINGS, said.amount, None),
    (("SN", "NM"), ("code",), numbers.comparator, None),
    (("NM",), ("Quantity", "Age", "Duration", "Count"), numbers.nm_quantity, numbers.from_nm_quantity),
    (("NM",), ("decimal",), numbers.quantity_value, numbers.from_decimal),
    (("ST",), ("decimal",), numbers.decimal, numbers.from_decimal),
    (("NM", "ST"), ("integer",), numbers.integer, numbers.from_decimal),
    (("NM", "ST"), ("positiveInt",), numbers.positive, numbers.from_decimal),
    (("NM", "ST"), ("unsignedInt",), numbers.unsigned, numbers.from_decimal),
    (("UNIT",), STRINGS, codes.unit_words, codes.from_text),
    (("SN",), ("Quantity",), numbers.sn_quantity, numbers.from_sn_quantity),
    (("SN",), ("Range",), numbers.sn_range, numbers.from_sn_range),
    (("SN",), ("Ratio",), numbers.sn_ratio, numbers.from_sn_ratio),
    (("SN",), STRINGS, numbers.sn_text, None),
    (("SN",), ("decimal",), numbers.quantity_value, None),
    (("NR",), ("Range",), numbers.nr, numbers.from_nr),
    (("CQ",), ("Quantity",), numbers.cq, numbers.from_cq),
    (("MO",), ("Money",), numbers.mo, numbers.from_mo),
    (("CP",), ("Money",), numbers.cp, numbers.from_cp),
    (("EI",), ("Identifier",), identifiers.ei, identifiers.from_ei),
    (("EI",), STRINGS, texts.word, texts.from_text),
    (("EIP",), ("Identifier",), identifiers.eip, identifiers.from_eip),
    (("HD",), ("uri", "url"), identifiers.hd, identifiers.from_hd),
    (("HD",), ("Identifier",), identifiers.hd_identifiers, None),
    (("HD",), STRINGS, identifiers.hd_name, texts.from_text),
    (("ST",), ("Identifier",), identifiers.ssn, None),
    (("XCN",), ("Identifier",), people.xcn_identifier, people.from_xcn_identifier),
    (("XCN",), ("Reference",), people.xcn_reference, people.from_xcn_reference),
    (("NDL",), ("HumanName",), people.ndl_name, people.from_ndl_name),
    (("NDL",), ("Identifier",), people.ndl_identifier, people.from_ndl_identifier),
    (("ID", "ST"), ("Address",), places.district, None),
    (("XON",), ("Organization",), places.xon, places.from_xon),
    (("XON",), ("Identifier",), places.xon_identifier, places.from_xon_identifier),
    (("XON",), ("Reference",), places.xon_reference, places.from_xon_reference),
    (("XON",), STRINGS, places.xon_name, places.from_xon_name),
    (("PL",), ("Identifier",), places.pl_identifiers, None),
    *(((f"NDL_{level}",), ("Identifier",), make, None) for level, make in places.NDL_LEVELS.items()),
    *(((f"PL_{level}",), ("Identifier",), make, None) for level, make in places.PL_LEVELS.items()),
    (("PL",), ("Reference",), places.pl_reference, places.from_pl_reference),
    (("PL",), STRINGS, places.pl_name, None),
    (("ED",), ("Attachment",), attachments.ed, attachments.from_ed),
    (("RP",), ("Attachment",), attachments.rp, attachments.from_rp),
    (("NA",), ("SampledData",), waves.na, waves.from_na),
    (("MA",), ("SampledData",), waves.ma, waves.from_ma),
    (("FC", "JCC", "DLD", "SPS"), ("CodeableConcept",), codes.inner_concept, codes.from_inner_concept),
    (("TM",), ("time",), times.time, times.from_time),
]
_ZONED: list[tuple[tuple[str, ...], tuple[str, ...], Callable[..., Any], Callable[[Any], Any] | None]] = [
    (("DTM", "DT"), ("dateTime",), times.date_time, times.from_date_time),
    (("DTM", "DT"), ("date",), times.date, times.from_date_time),
    (("DTM",), ("instant",), times.instant, times.from_date_time),
    (("DR",), ("Period",), times.period, times.from_period),
    (("CX",), ("Identifier",), identifiers.cx, identifiers.from_cx),
    (("DLN",), ("Identifier",), identifiers.dln, identifiers.from_dln),
    (("XPN",), ("HumanName",), people.xpn, people.from_xpn),
    (("XCN",), ("HumanName",), people.xcn_name, people.from_xcn_name),
    (("XCN",), ("Practitioner",), people.xcn, people.from_xcn),
    (("XAD",), ("Address",), places.xad, places.from_xad),
    (("XTN",), ("ContactPoint",), telecoms.xtn, telecoms.from_xtn),
]


def _table() -> dict[tuple[str, str], Converter]:
    table = {}
    for rows, zoned in ((_MANY, False), (_ZONED, True)):
        for sources, targets, to_fhir, to_v2 in rows:
            for source in sources:
                for target in targets:
                    table[source, target] = Converter(source, target, to_fhir, to_v2, zoned)
    return table


_CONVERTERS = _table()


def converter(source_type: str, target_type: str) -> Converter | None:
    """The converter of a v2 type to a FHIR type (`SimpleQuantity` is a Quantity), or None when there is none."""
    target = "Quantity" if target_type == "SimpleQuantity" else target_type
    return _CONVERTERS.get((FAMILIES.get(source_type, source_type), target))


def pairs() -> Iterator[Converter]:
    """Every pair there is."""
    return iter(_CONVERTERS.values())


class Converters:
    """What the mapping language is given: one-argument functions by the names of the two types, both ways.

    `zone` is the zone of times sent without one where their message names none either.
    """

    def __init__(self, zone: str = "") -> None:
        self.zone = zone

    def converter(self, source: str, target: str) -> Callable[[Any], Any] | None:
        """The function from a v2 type to a FHIR type, or from a FHIR type to a v2 type."""
        if (found := converter(source, target)) is not None:
            return self._zoned(found.to_fhir) if found.zoned else found.to_fhir
        back = converter(target, source)
        return back.to_v2 if back is not None else None

    def _zoned(self, function: Callable[..., Any]) -> Callable[[Any], Any]:
        default = self.zone

        def convert(value: Any) -> Any:
            return function(value, getattr(value, "zone", "") or default)

        return convert
