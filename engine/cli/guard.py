"""What ends a command otherwise than well: a sentence and an exit code, never a traceback, never a value of a message."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import click

from engine.cli.output import USAGE, say, show_json
from engine.fault import Fault, Kind, innermost

INTERRUPTED = 130  # as a shell tells it: 128 + SIGINT


@contextmanager
def guarded(json_: bool) -> Iterator[None]:
    """Runs a command; what it raises is told and becomes its exit code. ISTHMUS_TRACEBACK=1 lets tracebacks through, for developers."""
    try:
        yield
    except (click.ClickException, click.exceptions.Exit, click.Abort):
        raise
    except KeyboardInterrupt:
        click.echo("stopped", err=True)
        sys.exit(INTERRUPTED)
    except Exception as error:
        if os.environ.get("ISTHMUS_TRACEBACK") or (isinstance(error, OSError) and error.errno == errno.EPIPE):
            raise  # a reader that went away, as in `isthmus map x | head`, is click's to end quietly
        fault, code = told(error)
        if json_:
            show_json({"fault": fault})
        else:
            say(fault)
        sys.exit(code)


def told(error: Exception) -> tuple[Fault, int]:
    """An exception as a fault and an exit code; its own text may hold data and is not used."""
    if isinstance(error, OSError) and error.filename is not None:
        text = f"a file cannot be used: {error.strerror}"
        return Fault(Kind.NOT_FOUND, "E918", text, str(error.filename), "check its name, its rights and the disk"), USAGE
    import psycopg  # noqa: PLC0415

    if isinstance(error, psycopg.errors.UndefinedTable | psycopg.errors.InvalidSchemaName | psycopg.errors.UndefinedColumn):
        fault = Fault(Kind.UNAVAILABLE, "E919", "the database is not at this version", help="run `isthmus migrate`")
    elif isinstance(error, psycopg.OperationalError):
        text = f"the database does not answer ({type(error).__name__})"
        fault = Fault(Kind.UNAVAILABLE, "E912", text, help="see that it runs and that DATABASE_URL is right")
    else:
        text = f"the command itself failed ({type(error).__name__})"
        fault = Fault(Kind.FAULT, "E920", text, innermost(error), "a defect: report it with what was called")
    return fault, fault.kind.answer.exit
