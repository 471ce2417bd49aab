"""The texts of SCP-ECG: the language support code, byte 16 of a device's tag 14 or 15 in section 1, names their character set.

EN 1064, ISO 11073-91064, 5.4.5 (tag 14): with bit 0 clear ASCII, with bits 1 and 0 as 01 Latin-1, else one of the table. Texts end with a
zero, of two bytes where letters have two.
"""

from __future__ import annotations

from dataclasses import dataclass, field

SETS = {
    0x03: "iso8859-2", 0x0B: "iso8859-4", 0x13: "iso8859-5", 0x1B: "iso8859-6", 0x23: "iso8859-7", 0x2B: "iso8859-8", 0x33: "iso8859-11",
    0x3B: "iso8859-15", 0x07: "utf-16-le", 0x0F: "shift_jis", 0x17: "euc_jp", 0x1F: "euc_jp", 0x27: "gb18030", 0x2F: "cp949", 0x37: "utf-8",
}  # fmt: skip
LATIN, UTF8 = 0x01, 0x37
WIDE = "utf-16-le"
MARKS = (b"\xff\xfe", b"\xfe\xff")
UNKNOWN = "the character set of the texts is not known"
UNFIT = "a text is not in the character set that the record names"


@dataclass(slots=True)
class Reader:
    """Reads texts by a language support code, None where the record names none; `warnings` grow where it does not fit."""

    code: int | None
    warnings: list[str] = field(default_factory=list)

    def first(self, raw: bytes) -> str:
        """A text up to its end."""
        return self.all(raw)[0]

    def all(self, raw: bytes) -> list[str]:
        """The texts that stand one behind the other, each up to its end; at least one."""
        codec = SETS.get(self.code or 0, "")
        if codec == WIDE:
            whole = raw[: len(raw) & ~1].decode("utf-16" if raw[:2] in MARKS else WIDE, "replace")
            return [part.lstrip("\ufeff").strip() for part in whole.split("\0")]
        return [self._one(part, codec).strip() for part in raw.split(b"\0")]

    def _one(self, raw: bytes, codec: str) -> str:
        if b"\x1b" in raw and codec == "euc_jp":
            codec = "iso2022_jp_2"
        try:
            return raw.decode(codec or "utf-8")
        except UnicodeDecodeError:
            if codec:
                self._say(UNFIT)
        if self.code is not None and self.code & 3 == 3 and not codec:
            self._say(UNKNOWN)
        return _guessed(raw)

    def _say(self, text: str) -> None:
        if text not in self.warnings:
            self.warnings.append(text)


def _guessed(raw: bytes) -> str:
    """UTF-8 when it is, else Latin-1."""
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw.decode("latin-1")


def code_for(texts: str) -> int:
    """The code of the set that holds these texts and every reader knows: ASCII, Latin-1 unless it looks like UTF-8, else UTF-8."""
    if texts.isascii():
        return 0
    try:
        texts.encode("latin-1").decode()
    except UnicodeEncodeError:
        return UTF8
    except UnicodeDecodeError:
        return LATIN
    return UTF8


def written(text: str, code: int, most: int = 200) -> bytes:
    """A text with its end, of at most so many bytes before it; empty for none."""
    codec = {0: "ascii", LATIN: "latin-1"}.get(code, "utf-8")
    raw = text.replace("\0", "").encode(codec, "replace")[:most].decode(codec, "ignore").encode(codec)
    return raw + b"\0" if raw else b""
