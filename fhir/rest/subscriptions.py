"""Operations on Subscriptions: how they stand, what they told of, and a token to bind a socket.

Source: Subscriptions R5 Backport 1.1.0, operations $status, $events and $get-ws-binding-token.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from engine.fault import Fault, Kind
from fhir import encode
from fhir.rest.answer import Answer, refused
from fhir.rest.call import Call, resource
from fhir.rest.read import absent
from fhir.rest.server import Server
from fhir.subscribe.asked import CONTENTS, Asked, understand
from fhir.subscribe.bundle import State, notification, parameters
from fhir.subscribe.desk import Desk, desk
from fhir.subscribe.past import MOST, events
from fhir.subscribe.socket import PATH
from fhir.subscribe.sql import sql
from fhir.subscribe.token import make

JSON = dict[str, Any]
OPERATIONS = ("$status", "$events", "$get-ws-binding-token")
NO_SOCKET = Fault(
    Kind.INCORRECT, "E597", "no active Subscription of the channel websocket is named", "id", "create one, then ask with its id"
)
Row = tuple[int, str, str, int, str]  # number, id, state, events, body


async def operate(server: Server, call: Call) -> Answer:
    """Subscription/$status, Subscription/1/$status, …"""
    asked = given(call)
    if isinstance(asked, Fault):
        return refused(asked)
    named = [call.path[1]] if len(call.path) == 3 else [one.removeprefix("Subscription/") for one in asked.get("id", [])]
    values = {"ids": named or None, "states": asked.get("status") or None, "limit": 500}
    if call.path[-1] != "$status":
        values["states"] = None
    rows: list[Row] = await server.rows(sql("states"), values)
    if not rows and len(call.path) == 3:
        return refused(absent(f"Subscription/{call.path[1]}"))
    if call.path[-1] == "$status":
        return status(call, rows)
    told = desk(server.site)
    if call.path[-1] == "$get-ws-binding-token":
        told.key = told.key or (await server.rows(sql("secret"), told.secret()))[0][0]
        return token(told, call, rows)
    if len(call.path) != 3:
        return refused(Fault(Kind.NOT_FOUND, "E560", "$events is asked of one Subscription", "", "Subscription/1/$events"))
    return await past(server, told, call, rows[0], asked)


def given(call: Call) -> dict[str, list[str]] | Fault:
    """Parameters by name, from the address or from Parameters."""
    found: dict[str, list[str]] = {}
    for name, value in call.params:
        found.setdefault(name, []).extend(value.split(","))
    if call.method == "POST" and (call.body or call.resource is not None):
        body = resource(call)
        if isinstance(body, Fault):
            return body
        rows = body.get("parameter", [])
        for row in rows if isinstance(rows, list) else []:
            values = [value for name, value in row.items() if name.startswith("value")] if isinstance(row, dict) else []
            if values and isinstance(values[0], str | int):
                found.setdefault(str(row.get("name")), []).append(str(values[0]))
    return found


def state(call: Call, row: Row) -> State:
    """What is told of a Subscription."""
    num, id, status_, count, text = row
    return State(num, id, call.base, topic(encode.trusted(text)), status_, count)


def topic(body: JSON) -> str:
    """The topic's URL; empty where the criteria is a search."""
    text = str(body["criteria"])
    return text if text.startswith(("http://", "https://", "urn:")) else ""


def status(call: Call, rows: Sequence[Row]) -> Answer:
    """Each Subscription's state, as a searchset."""
    made = [parameters(state(call, row), "query-status", error=str(encode.trusted(row[4]).get("error", ""))) for row in rows]
    entries = [{"fullUrl": f"urn:uuid:{one['id']}", "resource": one, "search": {"mode": "match"}} for one in made]
    bundle: JSON = {"resourceType": "Bundle", "type": "searchset", "total": len(entries)}
    return Answer(200, encode.dumps({**bundle, **({"entry": entries} if entries else {})}))


def token(told: Desk, call: Call, rows: Sequence[Row]) -> Answer:
    """A token for the active Subscriptions by websocket among those named."""
    fitting = [row for row in rows if row[2] == "active" and encode.trusted(row[4])["channel"]["type"] == "websocket"]
    if not fitting:
        return refused(NO_SOCKET)
    text, until = make(told.key, [row[0] for row in fitting], told.site.now())
    scheme, _, rest = call.base.partition("://")
    rows_: list[JSON] = [
        {"name": "token", "valueString": text},
        {"name": "expiration", "valueDateTime": until.isoformat().replace("+00:00", "Z")},
        *[{"name": "subscription", "valueString": row[1]} for row in fitting],
        {"name": "websocket-url", "valueUrl": f"{'wss' if scheme == 'https' else 'ws'}://{rest}/{PATH}"},
    ]
    return Answer(200, encode.dumps({"resourceType": "Parameters", "parameter": rows_}))


async def past(server: Server, told: Desk, call: Call, row: Row, asked: dict[str, list[str]]) -> Answer:
    """What a Subscription told of, from `eventsSinceNumber` to `eventsUntilNumber`, a hundred at once."""
    numbers = {name: asked.get(name, [""])[0] for name in ("eventsSinceNumber", "eventsUntilNumber")}
    for name, text in numbers.items():
        if text and not (text.isascii() and text.isdigit() and len(text) <= 18):
            return refused(Fault(Kind.INCORRECT, "E562", "not a number", name))
    first, last = int(numbers["eventsSinceNumber"] or 0), int(numbers["eventsUntilNumber"] or row[3])
    understood = understand(encode.trusted(row[4]), told.topics(), told.allowed, call.base)
    content = asked.get("content", [understood.content if isinstance(understood, Asked) else "id-only"])[0]
    if content not in CONTENTS:
        return refused(Fault(Kind.INCORRECT, "E562", "no content that a notification can have", "content", ", ".join(CONTENTS)))
    async with server.pool.connection() as connection:
        found = await events(connection, row[0], first, last, content == "full-resource", MOST)
    bundle = notification(state(call, row), "query-event", told.site.now(), found, content)
    return Answer(200, encode.dumps(bundle))
