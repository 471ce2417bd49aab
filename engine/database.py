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
    """Where it is, and who keeps the server running where it was started here."""

    dsn: str
    keeper: postgres.Keeper | None = None

    def open(self, settings: Settings, progress: Callable[[str], None]) -> Fault | None:
        """Starts the embedded server where no other is named, checks the one there is, and brings its tables up to date."""
        if not self.dsn:
            server = postgres.start(settings.data / "postgres", progress)
            if isinstance(server, Fault):
                return server
            self.dsn = server.dsn
            self.keeper = postgres.Keeper(server, settings.data / "postgres", progress)
            self.keeper.start()
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

    def close(self) -> None:
        """Stops the server that was started here."""
        if self.keeper is not None:
            self.keeper.stop()
