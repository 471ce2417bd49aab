"""The runtime: journal, worker, mappings, delivery. It knows no protocol, no HL7 and no FHIR."""

__version__ = "0.1.0"
