"""What a listener takes: the checks on a message's header before it is stored, and the envelope it is stored with.

A message that fails a check is stored all the same, held with its fault, and answered AE or AR: it has no effect, and no
byte is lost.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from adapters.hl7v2 import charset as charsets
from adapters.hl7v2.batch import is_fragment
from adapters.hl7v2.er7 import too_many
from adapters.hl7v2.header import Header
from adapters.hl7v2.shape import codes
from engine.fault import Fault, Kind

NOTHING: Mapping[str, tuple[str, ...]] = {}


@dataclass(frozen=True, slots=True)
class Policy:
    """The rules of one listener. Empty `types` takes all that HL7 has and local ones (Z…); `senders` maps a certificate's name to the
    `MSH-3|MSH-4` it may use.
    """

    processing: tuple[str, ...] = ("P",)
    types: tuple[str, ...] = ()
    senders: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: NOTHING)
    control_id_optional: bool = False
    charset: str | None = None
    fallback: str | None = None

    def check(self, header: Header, body: bytes, names: tuple[str, ...]) -> Fault | None:
        """The first reason not to take a message; `names` are those of the sender's certificate."""
        kind = header.value(9, 1)
        if not kind:
            return _fault(Kind.UNSUPPORTED, "E142", "the message type is missing", "MSH-9", "MSH-9 says what a message is.")
        if not self.types and kind not in codes() and not kind.startswith("Z"):
            return _fault(
                Kind.UNSUPPORTED,
                "E142",
                "HL7 has no message of this type",
                "MSH-9",
                "Local types begin with Z, or stand in `types`.",
            )
        event = f"{kind}^{header.value(9, 2)}"
        if self.types and not any(fnmatchcase(event, wanted) or fnmatchcase(kind, wanted) for wanted in self.types):
            return _fault(Kind.UNSUPPORTED, "E142", "this message type is not taken here", "MSH-9", "See `types` of the source.")
        version = header.value(12)
        if version and not version.startswith("2"):
            return _fault(
                Kind.UNSUPPORTED, "E141", "this version of HL7 is not taken here", "MSH-12", "Versions 2.1 to 2.9 are read."
            )
        mode = header.value(11)
        if mode and mode not in self.processing and "*" not in self.processing:
            wanted = ", ".join(self.processing)
            return _fault(
                Kind.UNSUPPORTED,
                "E140",
                f"this channel takes messages with MSH-11 {wanted}",
                "MSH-11",
                "See `processing` of the source.",
            )
        if self.senders and not self._may(header, names):
            return _fault(
                Kind.FORBIDDEN, "E146", "this sender may not use this MSH-3 and MSH-4", "MSH-3", "See `senders` of the source."
            )
        if not header.raw(10).strip() and not self.control_id_optional:
            return _fault(
                Kind.INCORRECT, "E143", "the message control id is missing", "MSH-10", "Without it no answer can be matched."
            )
        if is_fragment(header, body):
            return _fault(
                Kind.INCORRECT,
                "E145",
                "this is a fragment of a message",
                "DSC",
                "Send the message whole; continuation is not taken.",
            )
        return too_many(body, header.marks) or self._check_text(header, body)

    def _may(self, header: Header, names: tuple[str, ...]) -> bool:
        sender = f"{header.raw(3)}|{header.raw(4)}"
        return any(fnmatchcase(sender, pattern) for name in names for pattern in self.senders.get(name, ()))

    def _check_text(self, header: Header, body: bytes) -> Fault | None:
        """Only bytes beyond ASCII can contradict MSH-18; what cannot be decoded is told now, not when it is worked."""
        if body.isascii() and b"\x1b" not in body:
            return None
        declared = header.raw(18).replace(header.marks.repetition, "~")
        decoded = charsets.decode(body, declared, self.charset, self.fallback)
        return decoded if isinstance(decoded, Fault) else None


def _fault(kind: Kind, code: str, text: str, at: str, help: str) -> Fault:
    return Fault(kind, code, text, at, help)
