"""Chinese, Japanese and Korean letters in a PDF: the predefined encodings and character collections (ISO 32000-1, 9.7.3 and 9.7.5.2).

No font is embedded: a reader takes one of its own for the collection, or asks for one. Letters are stated as UTF-16, so the file says the
very name whatever it is shown with. A letter goes only into a collection that surely has it, as one that a reader lacks is left out
unseen. Hebrew, Arabic, Thai and others have no such encodings.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby


@dataclass(frozen=True, slots=True)
class Collection:
    """A character collection of Adobe's: its supplement, its encoding of UTF-16, a usual font, and widths that are not 1000."""

    supplement: int
    encoding: str
    font: str
    widths: str = ""


COLLECTIONS = {
    "GB1": Collection(4, "UniGB-UTF16-H", "STSong-Light"),
    "CNS1": Collection(4, "UniCNS-UTF16-H", "MSung-Light"),
    "Japan1": Collection(5, "UniJIS-UTF16-H", "HeiseiKakuGo-W5", "/W[231 632 500]"),  # letters of half width
    "Korea1": Collection(2, "UniKS-UTF16-H", "HYGothic-Medium"),
}
KANA, HANGUL = (("Japan1", "cp932"), ("Japan1", "euc_jis_2004")), (("Korea1", "cp949"),)
HELD = (("GB1", "gb2312"), ("CNS1", "big5"), *KANA[:1], ("GB1", "gbk"), *KANA[1:], *HANGUL, ("CNS1", "big5hkscs"))
MOST = 1000  # letters of a text that are looked at


@lru_cache(256)
def runs(words: str) -> tuple[tuple[str, str], ...]:
    """The text in pieces of one collection each, '' for what is written in Western letters."""
    letters = unicodedata.normalize("NFC", words[:MOST])
    wide = [one for one in letters if _wide(one)]
    if not wide:
        return (("", words),)
    names = {unicodedata.name(one, "").split(" LETTER ")[0].split(" SYLLABLE ")[0] for one in wide}
    order = (
        *(KANA if any("KATAKANA" in one or "HIRAGANA" in one for one in names) else ()),
        *(HANGUL if "HANGUL" in names else ()),
        *HELD,
    )
    whole = next((one for one in order if all(_has(one[1], letter) for letter in wide)), None)
    order = (whole,) if whole else order
    homes = {letter: next((name for name, codec in order if _has(codec, letter)), "") for letter in set(wide)}
    return tuple((name, "".join(piece)) for name, piece in groupby(letters, lambda letter: homes.get(letter, "")))


def _wide(letter: str) -> bool:
    return letter > "\u1100" and unicodedata.east_asian_width(letter) in "WFH"


def _has(codec: str, letter: str) -> bool:
    try:
        letter.encode(codec)
    except UnicodeEncodeError:
        return False
    return True


def font(name: str, number: int) -> list[bytes]:
    """The three objects of a collection's font, the first of which is `number`."""
    one = COLLECTIONS[name]
    system = f"/CIDSystemInfo<</Registry(Adobe)/Ordering({name})/Supplement {one.supplement}>>"
    return [
        f"<</Type/Font/Subtype/Type0/BaseFont/{one.font}-{one.encoding}/Encoding/{one.encoding}/DescendantFonts[{number + 1} 0 R]>>".encode(),
        f"<</Type/Font/Subtype/CIDFontType0/BaseFont/{one.font}{system}/DW 1000{one.widths}/FontDescriptor {number + 2} 0 R>>".encode(),
        f"<</Type/FontDescriptor/FontName/{one.font}/Flags 4/FontBBox[0 -200 1000 900]/ItalicAngle 0/Ascent 880/Descent -120"
        "/CapHeight 880/StemV 80>>".encode(),
    ]
