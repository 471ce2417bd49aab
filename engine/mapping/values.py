"""Small values that travel between a formula's functions and the converters."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Coded:
    """What a table answers: a code, with its system and wording where the table states them.

    Converters take it as source type `Coded`; for a primitive target its code is used as it stands.
    """

    code: str
    system: str = ""
    display: str = ""

    def __str__(self) -> str:
        return self.code
