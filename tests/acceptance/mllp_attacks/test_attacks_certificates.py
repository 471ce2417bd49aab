"""Attack 20, by certificates: who gets in, and whom a sender believes."""

from __future__ import annotations

import asyncio
import ssl
from pathlib import Path

import pytest

from adapters.hl7v2.client import Link
from adapters.hl7v2.server import Listener
from adapters.safe_tls import Tls, client_context
from tests.acceptance.certificates import Authority
from tests.acceptance.mllp_peer import Memory, block, connect, listening, message, msa


def _client(ca: str, cert: tuple[str, str] | None = None) -> ssl.SSLContext:
    context = client_context(Tls(*(cert or ("", "")), ca))
    assert isinstance(context, ssl.SSLContext)
    return context


def _outdated(ca: str, cert: tuple[str, str]) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.load_verify_locations(ca)
    context.load_cert_chain(*cert)
    with pytest.warns(DeprecationWarning):
        context.minimum_version = ssl.TLSVersion.TLSv1
    with pytest.warns(DeprecationWarning):
        context.maximum_version = ssl.TLSVersion.TLSv1_1
    return context


def _weak(ca: str, cert: tuple[str, str]) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(ca)
    context.load_cert_chain(*cert)
    context.set_ciphers("eNULL:AES128-SHA:@SECLEVEL=0")
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    return context


def test_20_only_a_certificate_of_the_right_authority_and_name_gets_in(tmp_path: Path) -> None:
    ca, other = Authority(tmp_path, "ca"), Authority(tmp_path, "other")
    cert, key = ca.issue("127.0.0.1")
    good, wrong_name, expired, foreign = (
        ca.issue("lab.example"),
        ca.issue("cafeteria.example"),
        ca.issue("lab.example", days=-1),
        other.issue("lab.example"),
    )
    contexts = {
        "good": _client(ca.file, good),
        "no certificate": _client(ca.file),
        "expired": _client(ca.file, expired),
        "another authority": _client(ca.file, foreign),
        "another name": _client(ca.file, wrong_name),
        "TLS 1.1": _outdated(ca.file, good),
        "weak ciphers": _weak(ca.file, good),
        "plain text": None,
    }

    async def attempt(listener: Listener, context: ssl.SSLContext | None) -> str:
        try:
            async with await connect(listener, ssl=context) as peer:
                await peer.send(block("M1"))
                answer = await peer.answer()
                return msa(answer)[0] if answer else "closed"
        except (OSError, ssl.SSLError):
            return "closed"

    async def main() -> dict[str, str]:
        tls = Tls(cert, key, ca.file, names=("lab.example",))
        async with listening(Memory(), tls=tls, handshake_timeout=2.0) as listener:
            return {name: await attempt(listener, context) for name, context in contexts.items()}

    assert asyncio.run(main()) == {name: "AA" if name == "good" else "closed" for name in contexts}


def test_20_a_sender_checks_the_receivers_name_and_authority(tmp_path: Path) -> None:
    ca, other = Authority(tmp_path, "ca"), Authority(tmp_path, "other")
    right, wrong = ca.issue("127.0.0.1"), ca.issue("elsewhere.example")

    async def attempt(server: tuple[str, str], authority: str, name: str = "") -> str:
        async with listening(Memory(), tls=Tls(*server)) as listener:
            link = Link("127.0.0.1", int(listener.address.rpartition(":")[2]), _client(authority), name)
            found = await link.ask(message("M1"), 5)
            await link.close()
            return found.code

    async def main() -> list[str]:
        return [
            await attempt(right, ca.file),
            await attempt(wrong, ca.file),
            await attempt(wrong, ca.file, "elsewhere.example"),
            await attempt(right, other.file),
        ]

    assert asyncio.run(main()) == ["AA", "E109", "AA", "E109"]
