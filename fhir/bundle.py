"""A mapped message's resources as one Bundle that any R4 server takes: a transaction of updates under their own ids.

Source: FHIR R4 section 3.1.0.11.2 (transaction); references resolve against the entries' full URLs (section 2.36.4).
"""

from __future__ import annotations

from typing import Any

BASE = "http://localhost:8080/fhir/R4"


def collect(resources: list[dict[str, Any]], base: str = BASE) -> dict[str, Any]:
    """The Bundle, entries in the order given."""
    entries = []
    for resource in resources:
        name = f"{resource['resourceType']}/{resource['id']}"
        entries.append({"fullUrl": f"{base}/{name}", "resource": resource, "request": {"method": "PUT", "url": name}})
    return {"resourceType": "Bundle", "type": "transaction", "entry": entries}
