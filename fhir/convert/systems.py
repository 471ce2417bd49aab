"""Names of coding systems and assigning authorities, to URIs and back.

HL7 v2 table 0396 names coding systems; FHIR wants URIs (R4 "Using Codes", terminologies-systems.html, and
terminology.hl7.org for the v2 tables). A name that is nobody's standard stays itself in a URI of ours, `urn:id:NAME`:
nothing is invented and the name can be read back.
"""

from __future__ import annotations

import re
from functools import lru_cache
from urllib.parse import quote, unquote

LOCAL = "urn:id:"
V2 = "http://terminology.hl7.org/CodeSystem/v2-"
OID = re.compile(r"[0-2](\.(0|[1-9]\d*))+\Z")
UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\Z")
TABLE = re.compile(r"HL7[- ]?(\d{1,4})\Z", re.IGNORECASE)

SYSTEMS = {
    "LN": "http://loinc.org",
    "SCT": "http://snomed.info/sct",
    "UCUM": "http://unitsofmeasure.org",
    "I9C": "http://hl7.org/fhir/sid/icd-9-cm",
    "I9CDX": "http://hl7.org/fhir/sid/icd-9-cm",
    "I9CP": "http://hl7.org/fhir/sid/icd-9-cm",
    "I9": "http://hl7.org/fhir/sid/icd-9",
    "I10": "http://hl7.org/fhir/sid/icd-10",
    "I10C": "http://hl7.org/fhir/sid/icd-10-cm",
    "ICD10": "http://hl7.org/fhir/sid/icd-10",
    "ICD-10": "http://hl7.org/fhir/sid/icd-10",
    "I10P": "http://www.cms.gov/Medicare/Coding/ICD10",
    "C4": "http://www.ama-assn.org/go/cpt",
    "CPT4": "http://www.ama-assn.org/go/cpt",
    "CVX": "http://hl7.org/fhir/sid/cvx",
    "MVX": "http://hl7.org/fhir/sid/mvx",
    "NDC": "http://hl7.org/fhir/sid/ndc",
    "RXNORM": "http://www.nlm.nih.gov/research/umls/rxnorm",
    "MDC": "urn:iso:std:iso:11073:10101",
    "DCM": "http://dicom.nema.org/resources/ontology/DCM",
    "CDCREC": "urn:oid:2.16.840.1.113883.6.238",
    "ISO3166": "urn:iso:std:iso:3166",
    "ISO3166_1": "urn:iso:std:iso:3166",
    "WC": "http://www.whocc.no/atc",
    "HGNC": "http://www.genenames.org",
    "NUCC": "http://nucc.org/provider-taxonomy",
    "NPI": "http://hl7.org/fhir/sid/us-npi",
    "UNII": "http://fdasis.nlm.nih.gov",
}
# by their OIDs in the HL7 OID registry, as CDA and public health write them
OIDS = {
    "2.16.840.1.113883.6.1": "LN",
    "2.16.840.1.113883.6.96": "SCT",
    "2.16.840.1.113883.6.8": "UCUM",
    "2.16.840.1.113883.6.103": "I9C",
    "2.16.840.1.113883.6.3": "I10",
    "2.16.840.1.113883.6.90": "I10C",
    "2.16.840.1.113883.6.12": "C4",
    "2.16.840.1.113883.6.88": "RXNORM",
    "2.16.840.1.113883.6.69": "NDC",
    "2.16.840.1.113883.12.292": "CVX",
    "2.16.840.1.113883.12.227": "MVX",
    "2.16.840.1.113883.6.101": "NUCC",
    "2.16.840.1.113883.4.6": "NPI",
    "2.16.840.1.113883.4.9": "UNII",
}
ALIASES = {
    "LOINC": "LN", "LNC": "LN", "SNOMED": "SCT", "SNOMED-CT": "SCT", "SNOMED CT": "SCT", "SNOMEDCT": "SCT", "ICD10CM": "I10C",
    "ICD-10-CM": "I10C", "ICD9CM": "I9C", "ICD-9-CM": "I9C", "ICD9": "I9", "CPT": "C4", "CPT-4": "C4", "RXN": "RXNORM",
}  # fmt: skip
NAMES = {uri: name for name, uri in reversed(SYSTEMS.items())}


def is_oid(text: str) -> bool:
    """Whether the text is a dotted object identifier."""
    return OID.match(text) is not None


@lru_cache(maxsize=4096)
def local(name: str) -> str:
    """The URI that keeps a local name."""
    return LOCAL + quote(name, safe="")


@lru_cache(maxsize=4096)
def system_uri(name: str) -> str:
    """The URI of a coding system by its v2 name; '' for an empty name."""
    name = name.strip()
    upper = name.upper()
    if upper.startswith("URN:OID:") and is_oid(name[8:]):
        name = name[8:]
    known = SYSTEMS.get(OIDS.get(name) or ALIASES.get(upper, upper))
    if known or not name:
        return known or ""
    if table := TABLE.match(name):
        return V2 + table[1].zfill(4)
    if is_oid(name):
        return "urn:oid:" + name
    if name.startswith(("http://", "https://", "urn:")):
        return name
    return local(name)


@lru_cache(maxsize=4096)
def system_name(uri: str) -> str:
    """The v2 name of a coding system; an unknown URI is its own name."""
    if known := NAMES.get(uri):
        return known
    if uri.startswith(V2):
        return "HL7" + uri[len(V2) :]
    if uri.startswith(LOCAL):
        return unquote(uri[len(LOCAL) :])
    if uri.startswith("urn:oid:"):
        return uri[len("urn:oid:") :]
    return uri


@lru_cache(maxsize=4096)
def authority_uri(namespace: str, universal: str, kind: str) -> str:
    """The system of identifiers an HD names: its OID, UUID or URI; else its local name; '' when it names nothing."""
    universal, upper = universal.strip(), kind.strip().upper()
    if universal:
        if is_oid(universal) and upper in ("ISO", "OID", ""):
            return "urn:oid:" + universal
        if upper in ("UUID", "GUID") and UUID.match(universal):
            return "urn:uuid:" + universal.lower()
        if upper in ("URI", "URL", "") and universal.startswith(("http://", "https://", "urn:")):
            return universal
    name = namespace.strip() or universal
    return local(name) if name else ""


@lru_cache(maxsize=4096)
def authority_parts(uri: str) -> tuple[str, str, str]:
    """The HD (namespace, universal id, type) that reads back as this URI."""
    if uri.startswith("urn:oid:"):
        return "", uri[len("urn:oid:") :], "ISO"
    if uri.startswith("urn:uuid:"):
        return "", uri[len("urn:uuid:") :], "UUID"
    if uri.startswith(LOCAL):
        return unquote(uri[len(LOCAL) :]), "", ""
    return ("", uri, "URI") if uri else ("", "", "")
