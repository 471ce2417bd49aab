"""The destination `answers`: what the application behind a receiver says later of a message it had only accepted (HL7 v2.9.1 section 2.8).

In enhanced mode CA ends the duty to send again, and the application's AA, AE or AR comes as a message of its own, on another connection.
It names the message in MSA-2. An AA is noted with the delivery; AE and AR take the delivery back: the parcel is given up with the reason.
An answer may be here before the delivery is noted, so that one nothing is known of is looked for again for a while.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from adapters.hl7v2.header import read_header
from engine.fault import Fault, Kind
from engine.types import JSON, Parcel, Sender, Site

CODES = ("AA", "AE", "AR")
EARLY = timedelta(seconds=60)  # the delivery itself may not be noted yet
SAME = "destination = %(of)s and receipt ->> 'code' = 'CA' and receipt ->> 'control_id' = %(id)s and at > %(since)s"
TAKEN = f"""
    update journal.delivery set receipt = ((receipt::jsonb - 'awaiting') || jsonb_build_object('application', %(code)s::text))::json
    where {SAME} and (receipt ->> 'awaiting' is not null or receipt ->> 'application' = %(code)s) returning seq"""  # noqa: S608
REFUSED = f"""
    with back as (delete from journal.delivery where {SAME} and receipt ->> 'awaiting' is not null returning seq, attempts, destination)
    insert into journal.dead (seq, since, attempts, destination, code, fault)
    select seq, now(), attempts, destination, %(refused)s, %(fault)s::json from back returning seq"""  # noqa: S608

KNOWN = """
    select dead.seq from journal.dead join journal.parcel using (seq)
    where dead.destination = %(of)s and dead.code = %(refused)s and dead.since > %(since)s
        and position(convert_to(%(id)s, 'LATIN1') in parcel.body) > 0 limit 1"""


@dataclass(frozen=True, slots=True)
class Answers:
    """Notes the application's answers to what another destination delivered, by MSA-2."""

    of: str  # that destination, channel and name: hospital.ehr
    within: float = 604_800.0  # seconds in which an answer may come

    @property
    def follows(self) -> str:
        """The destination whose deliveries it speaks of."""
        return self.of

    async def open(self, site: Site) -> Sender | Fault:
        """Nothing is opened: answers are noted in the journal."""
        if site.pool is None:
            return Fault(Kind.UNAVAILABLE, "E914", "no engine runs here", help="answers are noted by a running engine")
        return AnswersSender(self, site.pool, site.now)


class AnswersSender:
    """A way to the journal."""

    def __init__(self, options: Answers, pool: Any, now: Callable[[], datetime]) -> None:
        self._options, self._pool, self._now = options, pool, now

    async def send(self, parcel: Parcel) -> JSON | Fault:
        """Notes one answer; the receipt says whose it is and what it says."""
        found = read(parcel.body)
        if isinstance(found, Fault):
            return found
        code, control_id = found
        since = self._now() - timedelta(seconds=self._options.within)
        why = refusal(code)
        asked = {"of": self._options.of, "id": control_id, "code": code, "since": since}
        asked |= {"refused": why.code, "fault": json.dumps(why.as_dict())}
        async with self._pool.connection() as connection:
            row = await (await connection.execute(TAKEN if code == "AA" else REFUSED, asked)).fetchone()
            if row is None and code != "AA":  # it was noted by a try whose own receipt was lost
                row = await (await connection.execute(KNOWN, asked)).fetchone()
        if row is not None:
            return {"answers": control_id, "code": code, "parcel": row[0]}
        text = "nothing that was delivered waits for this answer"
        if self._now() - came(parcel) < EARLY:
            return Fault(Kind.UNAVAILABLE, "E186", text, "MSA-2", "it is looked for again")
        return Fault(Kind.NOT_FOUND, "E186", text, "MSA-2", "is `of` the destination it was sent to?")

    async def close(self) -> None:
        """Nothing is open."""


def read(body: bytes) -> tuple[str, str] | Fault:
    """(MSA-1, MSA-2) of an application's answer."""
    header = read_header(body)
    if isinstance(header, Fault):
        return header
    mark = header.marks.field
    lines = body.decode("latin-1").replace("\n", "\r").split("\r")
    code, control_id, *_ = (*next((line for line in lines if line.startswith("MSA" + mark)), "").split(mark)[1:3], "", "")
    if code.strip() not in CODES or not control_id.strip():
        return Fault(Kind.INCORRECT, "E186", "this is no application's answer", "MSA", "accept if: MSH-9.1 = ACK")
    return code.strip(), control_id.strip()


def refusal(code: str) -> Fault:
    """Why a delivery is taken back."""
    text, help = f"the receiver's application answered {code}", "see its answer in the journal; then send the parcel again"
    if code == "AE":
        return Fault(Kind.INCORRECT, "E138", text, "MSA-1", help)
    return Fault(Kind.UNAVAILABLE, "E139", text, "MSA-1", help)


def came(parcel: Parcel) -> datetime:
    """When the answer came, told by its message's id (UUIDv7); long ago where there is none."""
    try:
        return datetime.fromtimestamp((UUID(parcel.meta.get("message", "")).int >> 80) / 1000, UTC)
    except (ValueError, OverflowError, OSError):
        return datetime.fromtimestamp(0, UTC)
