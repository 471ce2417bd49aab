"""TLS for listeners and senders: 1.2 or later, forward secrecy, and certificates checked both ways where a CA is named (RFC
9325, RFC 8996).
"""

from __future__ import annotations

import os
import ssl
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from engine.fault import Fault, Kind

_CIPHERS = "ECDHE+AESGCM:ECDHE+CHACHA20"


@dataclass(frozen=True, slots=True)
class Tls:
    """Files in PEM. A listener needs `cert` and `key`; with `ca` it asks for the caller's certificate.

    `verify` is `required` where `ca` is given, unless it says `optional`. `names` are the only names a caller's certificate may
    bear; `server_name` is the name a sender expects where it is not the host it connects to.
    """

    cert: str = ""
    key: str = ""
    ca: str = ""
    verify: Literal["required", "optional"] = "required"
    names: tuple[str, ...] = ()
    server_name: str = ""


def server_context(tls: Tls) -> ssl.SSLContext | Fault:
    """What a listener needs; a Fault when a file is missing or no certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        _harden(context)
        context.load_cert_chain(tls.cert, tls.key or None)
        if tls.ca:
            context.load_verify_locations(tls.ca)
            context.verify_mode = ssl.CERT_REQUIRED if tls.verify == "required" else ssl.CERT_OPTIONAL
    except (OSError, ssl.SSLError) as error:
        return _fault(error)
    return context


def client_context(tls: Tls) -> ssl.SSLContext | Fault:
    """What a sender needs: the far side's certificate and name are always checked."""
    try:
        context = ssl.create_default_context(cafile=tls.ca or None)
        _harden(context)
        if tls.cert:
            context.load_cert_chain(tls.cert, tls.key or None)
    except (OSError, ssl.SSLError) as error:
        return _fault(error)
    return context


class Certificates:
    """A listener's files, taken up again when they have changed on disk."""

    def __init__(self, tls: Tls, context: ssl.SSLContext) -> None:
        self._tls, self._context = tls, context
        self._seen = self._stamp()
        self.ends = not_after(Path(tls.cert).read_text(encoding="latin-1"))  # seconds since 1970; 0 when it cannot be told

    def refresh(self) -> bool | Fault | None:
        """True when changed files were loaded, None when none has changed; a Fault leaves the old ones in use."""
        stamp = self._stamp()
        if stamp == self._seen:
            return None
        checked = server_context(self._tls)  # a bad file must not spoil the context in use
        if isinstance(checked, Fault):
            return checked
        self._seen = stamp
        self._context.load_cert_chain(self._tls.cert, self._tls.key or None)
        if self._tls.ca:
            self._context.load_verify_locations(self._tls.ca)
        self.ends = not_after(Path(self._tls.cert).read_text(encoding="latin-1"))
        return True

    def _stamp(self) -> tuple[tuple[int, int], ...]:
        found = []
        for name in filter(None, (self._tls.cert, self._tls.key, self._tls.ca)):
            try:
                state = os.stat(name)
                found.append((state.st_mtime_ns, state.st_size))
            except OSError:
                found.append((0, 0))
        return tuple(found)


def names_of(certificate: dict[str, Any] | None) -> tuple[str, ...]:
    """The names in a peer's certificate: subject alternative names, then the common name; () when there is none."""
    if not certificate:
        return ()
    names = [value for _, value in certificate.get("subjectAltName", ())]
    names += [value for part in certificate.get("subject", ()) for key, value in part if key == "commonName"]
    return tuple(dict.fromkeys(names))


def _harden(context: ssl.SSLContext) -> None:
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(_CIPHERS)
    context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION | ssl.OP_CIPHER_SERVER_PREFERENCE


def _fault(error: Exception) -> Fault:
    return Fault(
        Kind.INCORRECT,
        "E108",
        f"the TLS files cannot be used ({type(error).__name__})",
        "tls",
        "cert, key and ca are files in PEM that the engine may read.",
    )


def not_after(pem: str) -> float:
    """When the first certificate of a PEM text ends, in seconds since 1970; 0 when it cannot be told.

    Source: RFC 5280, section 4.1: Certificate, tbsCertificate, and behind an explicit version the serial number, the algorithm, the
    issuer and validity, whose second time it is. Read from DER (X.690), of which only sequences and lengths are needed.
    """
    begin, end = pem.find(ssl.PEM_HEADER), pem.find(ssl.PEM_FOOTER)
    try:
        der = ssl.PEM_cert_to_DER_cert(pem[begin : end + len(ssl.PEM_FOOTER)] + "\n")
        inside = _parts(_parts(_parts(der)[0][1])[0][1])
        validity = inside[4 if inside[0][0] == 0xA0 else 3][1]
        kind, text = _parts(validity)[1]
        said = text.decode("ascii")
        if kind == 0x17:  # UTCTime: two digits of the year, 50 and above are the last century's
            said = ("19" if said[:2] >= "50" else "20") + said
        return datetime.strptime(said, "%Y%m%d%H%M%SZ").replace(tzinfo=UTC).timestamp()
    except (ValueError, IndexError):
        return 0.0


def _parts(der: bytes) -> list[tuple[int, bytes]]:
    """(tag, content) of each value that stands in a row."""
    found: list[tuple[int, bytes]] = []
    at = 0
    while at < len(der):
        tag, size, at = der[at], der[at + 1], at + 2
        if size & 0x80:
            more = size & 0x7F
            size, at = int.from_bytes(der[at : at + more], "big"), at + more
        found.append((tag, der[at : at + size]))
        at += size
    return found
