"""The Bundle that answers a transaction or a batch."""

from __future__ import annotations

from collections.abc import Sequence
from email.utils import parsedate_to_datetime
from functools import lru_cache

from fhir import encode
from fhir.rest.answer import JSON, Answer
from fhir.rest.entries import Entry
from fhir.rest.outcome import fine


@lru_cache(maxsize=256)
def iso(text: str) -> str:
    """A time of HTTP's as FHIR's instant; entries share theirs."""
    return parsedate_to_datetime(text).isoformat().replace("+00:00", "Z")


def response(kind: str, rows: Sequence[Entry], prefer: str) -> Answer:
    """The Bundle of answers, in the order of the entries."""
    found = []
    for entry in rows:
        one_ = entry.answer or Answer(200)
        told: JSON = {"status": str(one_.status)}
        for name, header in (("location", "Location"), ("etag", "ETag")):
            if header in one_.headers:
                told[name] = one_.headers[header]
        if "Last-Modified" in one_.headers:
            told["lastModified"] = iso(one_.headers["Last-Modified"])
        if one_.outcome is not None:
            told["outcome"] = one_.outcome
        elif prefer == "OperationOutcome" and not entry.reads:
            told["outcome"] = fine(f"{one_.type}/{one_.id} version {one_.version}" if one_.type else "done")
        url = one_.headers.get("Location", "").partition("/_history/")[0] or entry.full_url
        parts = [b'"fullUrl":' + encode.dumps(url)] if url and one_.type else []
        if one_.body and one_.outcome is None and (entry.reads or prefer not in ("minimal", "OperationOutcome")):
            parts.append(b'"resource":' + one_.body)
        parts.append(b'"response":' + encode.dumps(told))
        found.append(b"{" + b",".join(parts) + b"}")
    head_ = encode.dumps({"resourceType": "Bundle", "type": f"{kind}-response"})
    return Answer(200, head_[:-1] + (b',"entry":[' + b",".join(found) + b"]}" if found else b"}"))
