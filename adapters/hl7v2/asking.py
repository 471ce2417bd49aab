"""What a message asks to be answered, seen by who sends it (MSH-15 and MSH-16; HL7 v2.9.1 section 2.8, table 0155).

A message that is passed on still carries the wishes of whoever sent it first. They were for that exchange; in ours, who sends has to
know what became of it, or would repeat it for ever.
"""

from __future__ import annotations

from adapters.hl7v2.ack import is_due, wish_of
from adapters.hl7v2.header import Header

ALWAYS = "AL"


def is_silent(header: Header) -> bool:
    """Whether a good receiver says nothing when it has taken the message."""
    wish = wish_of(header)
    return wish.enhanced and not is_due(wish.accept, good=True)


def asking(body: bytes, header: Header, application: bool = False) -> bytes:
    """The message with an acknowledgement asked for, always; with `application` the application's, too. Original mode stays."""
    wish = wish_of(header)
    wanted = {15: ALWAYS, 16: ALWAYS} if application else {15: ALWAYS}
    if not wish.enhanced or all(header.raw(number) == word for number, word in wanted.items()):
        return body
    name, mark, *fields = header.fields
    line = name + mark + mark.join(fields)
    fields += [""] * (15 - len(fields))
    for number, word in wanted.items():
        fields[number - 2] = word
    asked = name + mark + mark.join(fields)
    return body[: header.at] + asked.encode("latin-1") + body[header.at + len(line) :]
