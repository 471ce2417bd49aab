"""What a listener remembers of its connections: counters for people and metrics, never a message's content."""

from __future__ import annotations

import ipaddress
import logging
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

_log = logging.getLogger("isthmus.mllp")


def tell(event: str, level: int = logging.INFO, **fields: Any) -> None:
    """Logs one event; `event` is constant text, `fields` hold no message content."""
    _log.log(level, event, extra={"fields": {"protocol": "mllp", **fields}})


@dataclass(slots=True)
class Entry:
    """One connection."""

    peer: str
    since: datetime
    bytes_in: int = 0
    messages: int = 0
    answers: int = 0
    errors: int = 0
    last_message: datetime | None = None
    last_error: str = ""
    partial: int = 0  # bytes of a block that is still coming


@dataclass(slots=True)
class Ledger:
    """One listener: its open connections, and the sums of all it ever had."""

    open: set[Any] = field(default_factory=set)
    by_host: dict[str, int] = field(default_factory=dict)
    connections: int = 0
    refused: int = 0
    messages: int = 0
    answers: int = 0
    errors: int = 0
    held: int = 0  # bytes of blocks that are coming or wait to be stored, all connections together

    def status(self) -> dict[str, Any]:
        """The listener and each open connection, as plain data."""
        totals = {name: getattr(self, name) for name in ("connections", "refused", "messages", "answers", "errors")}
        return {**totals, "open": [asdict(connection.entry) for connection in self.open]}


def is_allowed(host: str, allow: tuple[str, ...]) -> bool:
    """True when the host is one of, or in a network of, the allow list; an empty list allows all."""
    if not allow:
        return True
    try:
        address: Any = ipaddress.ip_address(host.split("%", maxsplit=1)[0])
        address = getattr(address, "ipv4_mapped", None) or address
        return any(address in ipaddress.ip_network(network, strict=False) for network in allow)
    except ValueError:
        return False
