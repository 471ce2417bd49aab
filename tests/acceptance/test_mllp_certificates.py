"""Certificates that are renewed while the listener runs."""

from __future__ import annotations

import asyncio
import os
import shutil
import ssl
from pathlib import Path

from adapters.safe_tls import Certificates, Tls, client_context, server_context
from engine.fault import Fault
from tests.acceptance.certificates import Authority
from tests.acceptance.mllp_peer import Memory, connect, listening


def _copy(pair: tuple[str, str], folder: Path, stamp: int) -> tuple[str, str]:
    files = str(folder / "cert.pem"), str(folder / "key.pem")
    for source, target in zip(pair, files, strict=True):
        shutil.copyfile(source, target)
        os.utime(target, (stamp, stamp))
    return files


def test_a_renewed_certificate_is_served_without_a_restart(tmp_path: Path) -> None:
    ca, live = Authority(tmp_path, "ca"), tmp_path / "live"
    live.mkdir()
    cert, key = _copy(ca.issue("127.0.0.1"), live, 1)
    context = client_context(Tls(ca=ca.file))
    assert isinstance(context, ssl.SSLContext)

    async def main() -> list[str]:
        async with listening(Memory(), tls=Tls(cert, key), reload_every=0.05) as listener:
            serials = []
            for renewed in (False, True):
                if renewed:
                    _copy(ca.issue("127.0.0.1"), live, 2)
                    await asyncio.sleep(0.3)
                async with await connect(listener, ssl=context) as peer:
                    serials.append(peer.writer.get_extra_info("peercert")["serialNumber"])
            return serials

    first, second = asyncio.run(main())
    assert first != second


def test_a_spoiled_file_leaves_the_old_certificate_in_use(tmp_path: Path) -> None:
    ca = Authority(tmp_path, "ca")
    tls = Tls(*_copy(ca.issue("127.0.0.1"), tmp_path, 1))
    context = server_context(tls)
    assert isinstance(context, ssl.SSLContext)
    files = Certificates(tls, context)
    assert files.refresh() is None
    Path(tls.cert).write_text("spoiled")
    found = files.refresh()
    assert isinstance(found, Fault)
    assert found.code == "E108"
    _copy(ca.issue("127.0.0.1"), tmp_path, 3)
    assert files.refresh() is True


def test_missing_files_are_a_fault_before_anything_listens(tmp_path: Path) -> None:
    for tls in (Tls(str(tmp_path / "none.pem")), Tls()):
        found = server_context(tls)
        assert isinstance(found, Fault)
        assert found.code == "E108"
    assert isinstance(client_context(Tls(ca=str(tmp_path / "none.pem"))), Fault)
