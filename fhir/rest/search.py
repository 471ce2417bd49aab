"""Search: the query read, the page found, the Bundle put together from stored texts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any
from urllib.parse import quote, urlencode

from engine.fault import Fault, Kind
from fhir import encode
from fhir.rest import derived, provenances
from fhir.rest.answer import Answer, refused
from fhir.rest.call import LONGEST, Call
from fhir.rest.outcome import outcome
from fhir.rest.server import Server
from fhir.rest.shape import part
from fhir.search.find import Found, Page, find
from fhir.search.query import Query, read

JSON = dict[str, Any]
UNREACHABLE = Fault(
    Kind.INCORRECT,
    "E578",
    "the next page's address would be longer than this server reads",
    "",
    "ask for fewer values, or with a larger _count",
)


async def search(server: Server, call: Call, extra: Sequence[tuple[str, str]] = ()) -> Answer:
    """GET Type?…, POST Type/_search."""
    query = read(call.type, [*call.params, *extra], call.base, call.prefer("handling") == "strict")
    if isinstance(query, Fault):
        return refused(query)
    searched = (
        provenances.searched(server, query, call.base) if call.type == "Provenance" else server.asked(find(query, call.base))
    )
    page: Page | Fault = await searched
    if isinstance(page, Fault):
        return refused(page)
    if query.includes or query.type in derived.TYPES:
        page = await derived.joined(server, query, page)
    if page.next and len(link("", query.kept)) + len(page.next) > LONGEST - 1000:
        return refused(UNREACHABLE)
    return Answer(200, bundle(call, query, page, {name for name, _ in extra}))


def bundle(call: Call, query: Query, page: Page, hidden: Iterable[str] = ()) -> bytes:
    """The searchset."""
    path = "/".join(part for part in call.path if part != "_search")
    shown = [(name, value) for name, value in query.kept if name not in hidden]
    url = f"{call.base}/{path}"
    here = [*shown, ("_page", query.page)] if query.page else shown
    links = [{"relation": "self", "url": link(url, here)}]
    if query.page:
        links.append({"relation": "first", "url": link(url, shown)})
    if page.next:
        links.append({"relation": "next", "url": link(url, [*shown, ("_page", page.next)])})
    head: JSON = {"resourceType": "Bundle", "type": "searchset"}
    if page.total is not None:
        head["total"] = page.total
    head["link"] = links
    shape = shaper(query)
    entries = [entry(call.base, one, shape, b"match") for one in page.matches]
    entries += [entry(call.base, one, None, b"include") for one in page.included]
    if query.ignored:
        entries.append(warning(query))
    body = encode.dumps(head)
    return body[:-1] + b',"entry":[' + b",".join(entries) + b"]}" if entries else body


def link(url: str, pairs: Sequence[tuple[str, str]]) -> str:
    """An address with its parameters."""
    return f"{url}?{urlencode(pairs, safe=':,|$*/', quote_via=quote)}" if pairs else url


def entry(base: str, one: Found, shape: Any, mode: bytes) -> bytes:
    """One entry; the resource is the stored text unless a part of it is wanted."""
    body = one.body.encode() if shape is None else shape(one)
    name = f'{{"fullUrl":"{base}/{one.type}/{one.id}","resource":'.encode()
    return name + body + b',"search":{"mode":"' + mode + b'"}}'


def warning(query: Query) -> bytes:
    """The entry that names what was passed over."""
    text = "unknown search parameters were passed over"
    faults = [Fault(Kind.INCORRECT, "E561", text, name[:64]) for name in query.ignored]
    return b'{"resource":' + encode.dumps(outcome(faults, "warning")) + b',"search":{"mode":"outcome"}}'


def shaper(query: Query) -> Any:
    """The function that takes the wanted part of a resource; None when all of it is wanted."""
    if not query.elements and not query.summary:
        return None

    def shape(one: Found) -> bytes:
        return encode.dumps(part(encode.trusted(one.body), query.summary, query.elements))

    return shape
