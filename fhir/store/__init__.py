"""The FHIR store: resources in PostgreSQL, every version kept, with what searches need beside them."""

from fhir.store.write import Change, Delete, Expect, FhirStore, apply

__all__ = ["Change", "Delete", "Expect", "FhirStore", "apply"]
