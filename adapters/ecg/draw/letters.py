"""Letters on the page: how wide they are, how much of a text fits, and which Western ones stand for those a standard font lacks.

Cyrillic as in passports (ICAO 9303), Greek as ELOT 743 has it; both read as names, whoever looks.
"""

from __future__ import annotations

import unicodedata

# widths of Helvetica in thousandths of its size, space to tilde (Adobe font metrics); what is not listed is as wide as a letter
WIDTHS = (
    278, 278, 355, 556, 556, 889, 667, 191, 333, 333, 389, 584, 278, 333, 278, 278, 556, 556, 556, 556, 556, 556, 556, 556, 556, 556,
    278, 278, 584, 584, 584, 556, 1015, 667, 667, 722, 722, 667, 611, 778, 722, 278, 500, 667, 556, 833, 722, 778, 667, 778, 722, 667,
    611, 722, 667, 944, 667, 667, 611, 278, 278, 278, 469, 556, 333, 556, 556, 500, 556, 556, 278, 556, 556, 222, 222, 500, 222, 833,
    556, 556, 556, 556, 333, 500, 278, 556, 500, 722, 500, 500, 500, 334, 260, 334, 584,
)  # fmt: skip
EASTERN = {"W": 1000, "F": 1000, "H": 500}
BOLD = 1.08  # of the upright letters' width
CYRILLIC = (
    "A B V G D E ZH Z I I K L M N O P R S T U F KH TS CH SH SHCH IE Y - E IU IA"  # А to Я
).split()
OTHERS = {
    "Ё": "E", "Є": "IE", "І": "I", "Ї": "I", "Ґ": "G", "Ј": "J", "Љ": "LJ", "Њ": "NJ", "Ћ": "C", "Ђ": "D", "Џ": "DZ", "Ў": "U", "Ł": "L", "Đ": "D",
    "Ħ": "H", "Ŧ": "T", "ı": "i", "Ŋ": "N", "Α": "A", "Β": "V", "Γ": "G", "Δ": "D", "Ε": "E", "Ζ": "Z", "Η": "I", "Θ": "TH", "Ι": "I", "Κ": "K",
    "Λ": "L", "Μ": "M", "Ν": "N", "Ξ": "X", "Ο": "O", "Π": "P", "Ρ": "R", "Σ": "S", "Τ": "T", "Υ": "Y", "Φ": "F", "Χ": "CH", "Ψ": "PS", "Ω": "O",
    "ς": "s",
}  # fmt: skip
LATIN = {chr(0x410 + n): "" if one == "-" else one for n, one in enumerate(CYRILLIC)} | OTHERS
LATIN |= {one.lower(): other.lower() for one, other in LATIN.items() if one.lower() not in LATIN}


def width(text: str, bold: bool = False) -> float:
    """About how wide a text in Helvetica of size 1 is; a Chinese, Japanese or Korean letter is as wide as it is high, or half that."""
    wide = sum(
        WIDTHS[ord(one) - 32] if " " <= one <= "~" else EASTERN.get(unicodedata.east_asian_width(one), 556) for one in text
    )
    return wide / 1000 * (BOLD if bold else 1)


def fitted(text: str, size: float, room: float, bold: bool = False) -> str:
    """The text as far as it fits into `room` mm at `size` mm, with `…` where it is cut."""
    text = text[: int(room / size / 0.19)]  # the narrowest letter
    if width(text, bold) * size <= room:
        return text
    while text and width(text + "…", bold) * size + size / 2 > room:
        text = text[:-1]
    return text.rstrip() + "…"


def western(words: str) -> str:
    """The letters of WinAnsi as single bytes (in a str of them); others in Latin letters or without their accents, else `?`."""
    if words.isascii() and words.isprintable():
        return words
    letters = unicodedata.normalize("NFC", words)
    return "".join(_latin(one, letters[n + 1 : n + 2]) for n, one in enumerate(letters))


def _latin(letter: str, after: str) -> str:
    """What one letter is written as; several stand in capitals only before another capital."""
    if (single := _single(letter)) is not None:
        return single
    bare = unicodedata.normalize("NFKD", letter)
    known = LATIN.get(letter, "".join(LATIN.get(one, one) for one in bare if not unicodedata.combining(one)))
    known = known.capitalize() if len(known) > 1 and after.islower() and known.isupper() else known
    if known.isascii() and known.isprintable() and (known or letter in LATIN or unicodedata.combining(letter)):
        return known
    return "?"


def _single(form: str) -> str | None:
    try:
        raw = form.encode("cp1252")
    except UnicodeEncodeError:
        return None
    return raw.decode("latin-1") if all(byte >= 32 for byte in raw) else None
