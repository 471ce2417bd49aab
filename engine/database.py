"""The database an engine runs on: the embedded server or one that is named, fit for the purpose, with the tables this code wants."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import psycopg

from engine import postgres
from engine.fault import Fault, Kind
from engine.migrating import migrate_apart
from engine.settings import Settings


@dataclass(slots=True)
class Database:
    """Where it is, and the server that is to be stopped where it was started here."""

    dsn: str
    server: postgres.Server | None = None

    def open(self, settings: Settings, progress: Callable[[str], None]) -> Fault | None:
        """Starts the embedded server where no other is named, checks the one there is, and brings its tables up to date."""
        if not self.dsn:
            server = postgres.start(settings.data / "postgres", progress, settings.log_ahead)
            if isinstance(server, Fault):
                return server
            self.server, self.dsn = server, server.dsn
        try:
            with psycopg.connect(self.dsn, connect_timeout=10) as connection:
                faults = [fault for fault in (postgres.version(connection), *postgres.durability(connection)) if fault]
        except psycopg.OperationalError as error:
            text = f"the database does not answer ({type(error).__name__})"
            return Fault(Kind.UNAVAILABLE, "E912", text, help="see that it runs and that DATABASE_URL is right")
        if faults and not settings.accept_data_loss:
            return faults[0]
        applied = migrate_apart(self.dsn, progress)
        return applied if isinstance(applied, Fault) else None

    def close(self, progress: Callable[[str], None]) -> None:
        """Stops the server that was started here."""
        if self.server is not None:
            self.server.stop(progress)
