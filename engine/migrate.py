"""Brings the database's tables to the version this code wants, from any earlier one, or leaves them untouched.

Each part of the system owns a branch of revisions: an entry point in `isthmus.migrations` names a package, and the package
has a folder `versions/`. Revision ids carry the branch's name (`journal_0001`), the first one its label; a revision that needs
another branch's tables says so by `depends_on`. All that is due runs in one transaction under an advisory lock, so a kill at
any moment, or two engines at once, is harmless.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import psycopg
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.script.revision import ResolutionError, RevisionError
from alembic.util.exc import CommandError
from sqlalchemy import Connection, create_engine, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from engine.fault import Fault, Kind

GROUP = "isthmus.migrations"
LOCK = 0x697374686D7573  # the letters of "isthmus"
HERE = Path(__file__).parent / "migrations"


def branches() -> dict[str, Path]:
    """The folders of revisions by branch, in order of name."""
    found = {}
    for point in sorted(entry_points(group=GROUP), key=lambda point: point.name):
        spec = importlib.util.find_spec(point.value)
        if spec is not None and spec.submodule_search_locations:
            found[point.name] = Path(next(iter(spec.submodule_search_locations))) / "versions"
    return found


def migrate(
    dsn: str,
    progress: Callable[[str], None] = lambda _: None,
    to: str = "heads",
    folders: dict[str, Path] | None = None,
) -> list[str] | Fault:
    """Upgrades to `to` (all heads, or one revision) and returns the revisions applied, in order; none when nothing was due."""
    applied: list[str] = []

    def note(step: Any, **_: Any) -> None:
        applied.append(str(step.up_revision_id))
        progress(f"migrated to {step.up_revision_id}")

    def run(connection: Connection) -> list[str]:
        connection.execute(text("select pg_advisory_xact_lock(:key)"), {"key": LOCK})
        config = _config(folders)
        config.attributes.update(connection=connection, applied=note)
        command.upgrade(config, to)
        connection.commit()
        return applied

    return _on(dsn, run)


def pending(dsn: str, folders: dict[str, Path] | None = None) -> list[str] | Fault:
    """The revisions that are due, oldest first; a Fault when the database is newer than this code."""

    def run(connection: Connection) -> list[str]:
        script = ScriptDirectory.from_config(_config(folders))
        heads = MigrationContext.configure(connection).get_current_heads()
        done = {step.revision for step in script.iterate_revisions(heads, "base", implicit_base=True)} if heads else set()
        return [step.revision for step in reversed(list(script.walk_revisions())) if step.revision not in done]

    return _on(dsn, run)


def _on(dsn: str, run: Callable[[Connection], list[str]]) -> list[str] | Fault:
    engine = create_engine("postgresql+psycopg://", creator=lambda: psycopg.connect(dsn), poolclass=NullPool)
    try:
        with engine.connect() as connection:
            return run(connection)
    except (CommandError, RevisionError) as error:
        if isinstance(error, ResolutionError) or "locate revision" in str(error):
            text = "the database was made by a newer version of this program"
            return Fault(Kind.CONFLICT, "E615", text, help="install that version, or restore a backup from before the upgrade")
        return Fault(Kind.FAULT, "E614", f"the migrations do not fit together: {error}")
    except psycopg.OperationalError as error:
        return Fault(Kind.UNAVAILABLE, "E613", f"the database cannot be reached ({type(error).__name__})", help="is it running?")
    except DBAPIError as error:
        cause = error.orig
        kind, code = (Kind.UNAVAILABLE, "E613") if isinstance(cause, psycopg.OperationalError) else (Kind.FAULT, "E614")
        return Fault(
            kind, code, f"the migration was undone: {type(cause).__name__}", help="nothing was changed; see the database's log"
        )
    finally:
        engine.dispose()


def _config(folders: dict[str, Path] | None) -> Config:
    config = Config()
    config.set_main_option("script_location", str(HERE))
    config.set_main_option("path_separator", "newline")
    places = (branches() if folders is None else folders).values()
    config.set_main_option("version_locations", "\n".join(str(place) for place in places if place.is_dir()))
    return config
