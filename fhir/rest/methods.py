"""Which methods an address takes: what a 405 answers with. Source: RFC 9110 section 15.5.6; https://hl7.org/fhir/R4/http.html."""

from __future__ import annotations

from fhir.rest.call import TYPES

READ = ("GET", "HEAD")
EITHER = (*READ, "POST")
FIXED = {(): ("POST",), ("metadata",): READ, ("_history",): READ, ("$process-message",): ("POST",), ("$convert",): ("POST",)}


def allowed(path: tuple[str, ...]) -> tuple[str, ...]:
    """The methods of an address below the base; none for one that is not there."""
    if path in FIXED:
        return FIXED[path]
    if path[0] not in TYPES:
        return ()
    last, length = path[-1], len(path)
    if last.startswith("$"):
        return ("POST",) if last == "$validate" and length == 2 else EITHER
    if last == "_search":
        return ("POST",) if length in (2, 4) else ()
    if length == 1:
        return (*EITHER, "PUT", "PATCH", "DELETE")
    if length == 2:
        return READ if last == "_history" else () if last.startswith("_") else (*READ, "PUT", "PATCH", "DELETE")
    return READ if "_history" in path[2:3] or (length == 3 and (last in TYPES or last == "*")) else ()
