"""The FHIR store's own branch of database revisions."""
