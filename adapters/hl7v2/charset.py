"""Which characters the bytes of a message are: MSH-18 and HL7 table 0211 (v2.9.1 section 2.14.9.18), decoded strictly or
not at all.

The first repetition is the encoding of the whole message, empty meaning ASCII; further ones are alternates reached by ISO
2022 escapes. Undeclared bytes above 0x7F that read as UTF-8 are taken as such, with a warning. Nothing is ever replaced by
U+FFFD.
"""

from __future__ import annotations

import codecs

from engine.fault import Fault, Kind

_TABLE_0211 = {
    "": "ascii",
    "ASCII": "ascii",
    "ISO IR6": "ascii",
    **{f"8859/{part}": f"iso8859-{part}" for part in (1, 2, 3, 4, 5, 6, 7, 8, 9, 15)},
    "ISO IR14": "iso2022_jp_ext",
    "ISO IR87": "iso2022_jp_ext",
    "ISO IR159": "iso2022_jp_ext",
    "GB 18030-2000": "gb18030",
    "KS X 1001": "euc_kr",
    "BIG-5": "big5",
    "UNICODE": "utf-8",
    "UNICODE UTF-8": "utf-8",
}
_SPELLINGS = {
    "US-ASCII": "ascii",
    "UTF-8": "utf-8",
    "UTF8": "utf-8",
    "UNICODE UTF8": "utf-8",
    **{f"ISO-8859-{part}": f"iso8859-{part}" for part in (1, 2, 3, 4, 5, 6, 7, 8, 9, 15)},
    **{f"ISO8859-{part}": f"iso8859-{part}" for part in (1, 2, 3, 4, 5, 6, 7, 8, 9, 15)},
    "ISO 8859-1": "iso8859-1",
    "WINDOWS-1252": "cp1252",
    "CP1252": "cp1252",
    "GB18030": "gb18030",
    "BIG5": "big5",
    "EUC-KR": "euc_kr",
    "SHIFT_JIS": "shift_jis",
}
_NAMES = {codec: name for name, codec in reversed(_TABLE_0211.items())} | {
    "ascii": "ASCII",
    "utf-8": "UNICODE UTF-8",
    "iso2022_jp_ext": "ISO IR87",
    "cp1252": "8859/1",
}
_WIDE = (b"\xff\xfe", b"\xfe\xff", b"M\x00S\x00H\x00", b"\x00M\x00S\x00H", b"M\x00\x00\x00S")


def codec_of(declared: str) -> str | Fault:
    """The Python codec for MSH-18 as it stands (repetitions parted by `~`), or for a channel's `charset`."""
    first, *others = [part.strip().upper() for part in declared.split("~")]
    if first in ("", "ASCII", "ISO IR6"):
        first = next((part for part in others if _TABLE_0211.get(part) == "iso2022_jp_ext"), first)
    codec = _TABLE_0211.get(first) or _SPELLINGS.get(first)
    if codec is None:
        return Fault(
            Kind.UNSUPPORTED,
            "E113",
            "the character set is not supported",
            "MSH-18",
            "Set `charset` on the source, or send UNICODE UTF-8.",
        )
    return codec


def name_of(codec: str) -> str:
    """The table 0211 name of a codec of ours, as MSH-18 wants it."""
    return _NAMES.get(codec, "")


def is_wide(raw: bytes) -> bool:
    """True for UTF-16 or UTF-32: encodings that cannot stand in an MLLP block."""
    return raw.startswith(_WIDE)


def decode(raw: bytes, declared: str, override: str | None = None, fallback: str | None = None) -> tuple[str, str, bool] | Fault:
    """(text, codec, contradicted). `override` wins over MSH-18; `fallback` is tried when the bytes do not fit."""
    if raw.isascii() and b"\x1b" not in raw:
        return raw.decode("ascii"), "ascii", False
    codec = codec_of(override if override is not None else declared)
    if isinstance(codec, Fault):
        if fallback is None:
            return codec
        codec = fallback
    undeclared = codec == "ascii"
    for attempt in ("utf-8" if undeclared else codec, *([fallback] if fallback else [])):
        try:
            return raw.decode(attempt), codecs.lookup(attempt).name, undeclared or attempt != codec
        except (UnicodeDecodeError, LookupError):
            continue
    return Fault(
        Kind.INCORRECT,
        "E114",
        "the bytes do not fit the declared character set",
        "MSH-18",
        "Declare the real character set in MSH-18, or set `charset` on the source. The bytes were kept.",
    )
