"""A line to the database: one connection for one thread, opened when it is needed and opened anew when it broke."""

from __future__ import annotations

from typing import Any

import psycopg

from engine.priority import go_first

# found dead within 30 s, on a network too; no statement of ours takes a minute
ALWAYS: dict[str, Any] = {
    "connect_timeout": 10,
    "keepalives": 1,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 30_000,
    "client_encoding": "utf8",
}
OPTIONS = "-c timezone=UTC -c statement_timeout=60s -c idle_in_transaction_session_timeout=60s"
# for statements that find few rows by key: a plan made while a table was small must not outlive it
BY_KEY = " -c enable_seqscan=off -c plan_cache_mode=force_generic_plan"

Connection = psycopg.Connection[tuple[Any, ...]]


class Line:
    """Holds a connection in autocommit; `get` raises psycopg.OperationalError while the database is away. With `first` the server's
    process for it goes before its others, where the server is on this machine."""

    def __init__(self, dsn: str, name: str, options: str = OPTIONS, first: bool = False) -> None:
        self._dsn, self._name, self._options, self._first = dsn, name, options, first
        self._connection: Connection | None = None
        self.warned = ""

    def get(self) -> Connection:
        """The open connection."""
        if self._connection is None or self._connection.closed or self._connection.broken:
            self.drop()
            self._connection = psycopg.connect(
                self._dsn, autocommit=True, application_name=f"isthmus {self._name}", options=self._options, **ALWAYS
            )
            self._connection.add_notice_handler(self._notice)
            if self._first and self._connection.info.host.startswith("/"):  # a socket of this machine
                go_first(self._connection.info.backend_pid)
        return self._connection

    def drop(self) -> None:
        """Closes the connection."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _notice(self, told: psycopg.errors.Diagnostic) -> None:
        if told.severity_nonlocalized == "WARNING":
            self.warned = told.message_primary or "warning"
