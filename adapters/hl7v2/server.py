"""The MLLP listener: binds, admits connections within limits, and drains."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from typing import TYPE_CHECKING

from adapters.hl7v2.connection import Connection
from adapters.hl7v2.counted import expires
from adapters.hl7v2.inbound import Rules
from adapters.hl7v2.ledger import Ledger, is_allowed, tell
from adapters.safe_tls import Certificates
from engine.fault import Fault, Kind
from engine.types import Intake, Site

if TYPE_CHECKING:
    from adapters.hl7v2.source import Mllp

BIND_TRIES = 5


class Listener:
    """A running listener; `address` is where it really listens."""

    def __init__(self, options: Mllp, rules: Rules, site: Site, intake: Intake) -> None:
        self.options = options
        self.rules = rules
        self.site = site
        self.intake = intake
        self.ledger = Ledger()
        self.address = options.listen
        self.loop = asyncio.get_running_loop()
        self._server: asyncio.Server | None = None
        self._draining = False
        self._certificates: Certificates | None = None
        self._timer: asyncio.TimerHandle | None = None

    async def start(self, host: str, port: int, tls: ssl.SSLContext | None) -> Fault | None:
        """Binds; a Fault says why it could not."""
        for attempt in range(BIND_TRIES):
            try:
                self._server = await self.loop.create_server(
                    lambda: Connection(self),
                    host or None,
                    port,
                    ssl=tls,
                    backlog=512,
                    reuse_address=True,
                    reuse_port=bool(self.site.settings.get("reuse_port")) or None,
                    ssl_handshake_timeout=self.options.handshake_timeout if tls else None,
                )
                break
            except OSError as error:
                if attempt + 1 == BIND_TRIES:
                    reason = error.strerror or type(error).__name__
                    return Fault(
                        Kind.UNAVAILABLE,
                        "E106",
                        f"cannot listen: {reason}",
                        self.options.listen,
                        "Is another program there already? Choose another port.",
                    )
                await asyncio.sleep(0.1 * 2**attempt)
        assert self._server is not None
        if tls is not None and self.options.tls is not None:
            self._certificates = Certificates(self.options.tls, tls)
            self._reload()
        name = self._server.sockets[0].getsockname()
        self.address = f"tcp:[{name[0]}]:{name[1]}" if ":" in name[0] else f"tcp:{name[0]}:{name[1]}"
        return None

    def admit(self, connection: Connection, host: str, names: tuple[str, ...]) -> str:
        """Why a connection is not taken; '' when it is, and from now on counted."""
        options, ledger = self.options, self.ledger
        reason = ""
        if self._draining:
            reason = "draining"
        elif not is_allowed(host, options.allow):
            reason = "not on the allow list"
        elif options.tls and options.tls.names and not set(options.tls.names) & set(names):
            reason = "the certificate bears another name"
        elif len(ledger.open) >= options.max_connections:
            reason = "too many connections"
        elif ledger.by_host.get(host, 0) >= options.max_connections_per_peer:
            reason = "too many connections of this host"
        if reason:
            ledger.refused += 1
            return reason
        ledger.open.add(connection)
        ledger.by_host[host] = ledger.by_host.get(host, 0) + 1
        ledger.connections += 1
        return ""

    def forget(self, connection: Connection, host: str) -> None:
        """A connection has ended."""
        if connection not in self.ledger.open:
            return
        self.ledger.open.discard(connection)
        left = self.ledger.by_host.get(host, 1) - 1
        if left:
            self.ledger.by_host[host] = left
        else:
            self.ledger.by_host.pop(host, None)

    def _reload(self) -> None:
        """Takes renewed certificates up for new connections; old ones go on with theirs."""
        if self._draining or self._certificates is None:
            return
        changed = self._certificates.refresh()
        if changed is None or changed is True:
            expires(self.rules.channel, self._certificates.ends)
        if changed is not None:
            tell(
                "new certificates cannot be used" if isinstance(changed, Fault) else "new certificates are in use",
                channel=self.rules.channel,
                address=self.address,
            )
        self._timer = self.loop.call_later(self.options.reload_every, self._reload)

    async def drain(self, seconds: float) -> None:
        """Accepts nothing new, finishes what is in flight, answers it, and closes; cuts off what is not done in time."""
        self._draining = True
        if self._timer is not None:
            self._timer.cancel()
            expires(self.rules.channel, None)
        if self._server is not None:
            self._server.close()
        connections = list(self.ledger.open)
        for connection in connections:
            connection.drain()
        tasks = [connection.task for connection in connections if connection.task]
        if tasks:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait(tasks, timeout=seconds)
        for connection in list(self.ledger.open):
            connection.abort()
        for task in tasks:
            task.cancel()
        tell("a listener has stopped", channel=self.rules.channel, address=self.address)
