"""The FHIR store: resources in PostgreSQL, every version kept, with what searches need beside them."""

from fhir.store.change import Change, Delete, Expect
from fhir.store.store import FhirStore
from fhir.store.write import apply

__all__ = ["Change", "Delete", "Expect", "FhirStore", "apply"]
