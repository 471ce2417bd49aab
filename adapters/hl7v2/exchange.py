"""What happens to the blocks of a connection: they are stored together, answered one by one in their order, or turned away."""

from __future__ import annotations

from typing import TYPE_CHECKING

from adapters.hl7v2 import inbound
from adapters.hl7v2.framing import Frame, FramingFault
from adapters.hl7v2.header import read_header
from adapters.hl7v2.inbound import Block
from engine.fault import Fault, Kind
from engine.types import Arrival, Receipt

if TYPE_CHECKING:
    from adapters.hl7v2.connection import Connection


async def handle(line: Connection, items: list[Frame | FramingFault]) -> bool:
    """Stores and answers what came, in order; False when the connection is to be closed."""
    now, site = line.listener.site.now(), line.listener.site
    blocks = [
        inbound.read(item.body, line.rules, line.entry.peer, line.names, now, site.new_id)
        for item in items
        if isinstance(item, Frame)
    ]
    parts = [_partial(line, item) for item in items if isinstance(item, FramingFault)]
    arrivals = [entry.arrival for block in blocks for entry in block.entries] + [part for part in parts if part]
    receipts = iter(await line.listener.intake.accept(arrivals) if arrivals else [])
    for block in blocks:
        if not await _answer(line, block, [next(receipts) for _ in block.entries]):
            return False
    return await _turn_away(line, items)


async def _answer(line: Connection, block: Block, receipts: list[Receipt | Fault]) -> bool:
    answers: list[bytes | None] = []
    site, rules = line.listener.site, line.rules
    _count(line, block)
    for entry, receipt in zip(block.entries, receipts, strict=True):
        if isinstance(receipt, Fault):
            if receipt.kind is Kind.INTERRUPTED:  # stored or not, nobody knows: the sender has to send it again
                return line.give_up(receipt.code)
            line.note(receipt.code, "a message could not be stored")
            answers.append(inbound.answer_unstored(entry, receipt, rules, site.now()))
            continue
        if entry.arrival.fault:
            line.note(entry.arrival.fault.code, "a message was refused")
        found = inbound.answer_stored(entry, receipt, rules, site.now())
        if inbound.waits(entry, receipt, rules):
            if found is not None and block.batch is None:
                await line.send(found)
                found = None
            outcome = await line.listener.intake.settled(receipt.id, line.listener.options.ack_timeout)
            if isinstance(outcome, Fault):
                return line.give_up(outcome.code)
            found = inbound.answer_processed(entry, outcome, rules, site.now()) or found
        answers.append(found)
    for answer in inbound.gather(block, answers, rules, site.now()):
        await line.send(answer)
    return True


def _partial(line: Connection, item: FramingFault) -> Arrival | None:
    """A block that was never closed is kept, held; nobody waits for an answer to it."""
    line.note(item.fault.code, item.fault.text, item.part[:64].hex() if item.fault.code == "E101" else "")
    if item.fault.code != "E102":
        return None
    site = line.listener.site
    return Arrival(site.new_id(), line.rules.channel, "hl7v2", item.part, site.now(), peer=line.entry.peer, fault=item.fault)


async def _turn_away(line: Connection, items: list[Frame | FramingFault]) -> bool:
    """After a fatal fault: the answer that can still be given, time to read it, and the end."""
    fatal = next((item for item in items if isinstance(item, FramingFault) and item.fatal), None)
    if fatal is None:
        return True
    if fatal.fault.code in ("E100", "E103"):
        header = read_header(fatal.part)
        site = line.listener.site
        arrival = Arrival(site.new_id(), line.rules.channel, "hl7v2", b"", site.now())
        entry = inbound.entry_of(arrival, None if isinstance(header, Fault) else header, line.rules)
        answer = inbound.answer_unstored(entry, fatal.fault, line.rules, site.now())
        if answer:
            await line.send(answer)
        await line.linger()
    return False


def _count(line: Connection, block: Block) -> None:
    number = len(block.entries)
    line.entry.messages += number
    line.entry.last_message = line.listener.site.now()
    line.listener.ledger.messages += number
