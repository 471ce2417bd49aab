"""Documents and pictures in results: ED and RP, and Attachment.

Guide maps ED[Attachment], RP[Attachment]. Encodings of table 0299: Base64, Hex, A. The first bytes of the data tell the
content type where they are known, for the declared one is often wrong; the bytes themselves are never changed.
"""

from __future__ import annotations

import base64
import binascii
from typing import Any

from engine.fault import Fault, Kind
from fhir.convert.rep import Components, Rep, compose, whole

JSON = dict[str, Any]
MAJOR = ("application", "audio", "image", "model", "multipart", "text", "video", "message")
SUBTYPES = {
    "PDF": "application/pdf", "JPEG": "image/jpeg", "JPG": "image/jpeg", "PNG": "image/png", "GIF": "image/gif",
    "TIFF": "image/tiff", "TIF": "image/tiff", "HTML": "text/html", "XML": "application/xml", "RTF": "application/rtf",
    "DICOM": "application/dicom", "BASIC": "audio/basic", "TXT": "text/plain", "PLAIN": "text/plain", "TEXT": "text/plain",
    "OCTET-STREAM": "application/octet-stream", "X-HL7-CDA-LEVEL-ONE": "application/hl7-cda+xml",
}  # fmt: skip
MAGIC = {
    "JVBERi": "application/pdf", "/9j/": "image/jpeg", "iVBORw0KGgo": "image/png", "R0lGOD": "image/gif",
    "e1xydG": "application/rtf", "SUkqA": "image/tiff", "TU0AK": "image/tiff",
}  # fmt: skip


def content_type(kind: str, subtype: str, data: str = "") -> str:
    """The media type: what the data begins with, else the declared one; '' when neither tells."""
    for start, found in MAGIC.items():
        if data.startswith(start):
            return found
    kind, subtype = kind.strip(), subtype.strip()
    if "/" in subtype:
        return subtype.lower()
    if found := SUBTYPES.get(subtype.upper(), ""):
        return found
    if subtype and kind.lower() in MAJOR:
        return f"{kind}/{subtype}".lower()
    return SUBTYPES.get(kind.upper(), "")


def _base64(encoding: str, data: str) -> str | Fault:
    name = encoding.strip().upper()
    bad = Fault(Kind.INCORRECT, "E452", "the data cannot be read in its declared encoding", help="send Base64, Hex or A in ED-4")
    if name == "A":
        return base64.b64encode(data.encode()).decode()
    packed = "".join(data.split())
    try:
        if name == "HEX":
            return base64.b64encode(bytes.fromhex(packed)).decode()
        if name in ("BASE64", ""):
            binascii.a2b_base64(packed, strict_mode=True)
            return packed
    except (ValueError, binascii.Error):
        return bad
    return bad


def ed(value: Rep | str) -> JSON | Fault | None:
    """An ED as Attachment with its data in base64."""
    rep = whole(value)
    data = rep[5]
    if not data:
        return None
    packed = _base64(rep[4], data)
    if isinstance(packed, Fault):
        return packed
    kind = content_type(rep[2], rep[3], packed)
    return ({"contentType": kind} if kind else {}) | {"data": packed}


def from_ed(value: JSON) -> Components:
    """An Attachment as ED in Base64."""
    kind, _, subtype = value.get("contentType", "").partition("/")
    return compose({2: kind, 3: subtype, 4: "Base64", 5: value["data"]}) if value.get("data") else []


def rp(value: Rep | str) -> JSON | None:
    """An RP as Attachment: where the data lies, never fetched."""
    rep = whole(value)
    url = rep[1].strip()
    if not url:
        return None
    kind = content_type(rep[3], rep[4])
    return ({"contentType": kind} if kind else {}) | {"url": url}


def from_rp(value: JSON) -> Components:
    """An Attachment with a URL as RP."""
    kind, _, subtype = value.get("contentType", "").partition("/")
    return compose({1: value.get("url", ""), 3: kind, 4: subtype}) if value.get("url") else []
