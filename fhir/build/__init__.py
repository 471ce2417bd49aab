"""Scripts that read the official definitions and write the tables of this package: `python -m fhir.build`."""
