"""Structured logs: JSON lines with an allow-list of fields, so that a patient's data cannot leak through a message text.

Fields outside the list are dropped, text is stripped of control characters (log injection), and exceptions are named by type and
place only, since a database error's detail may hold a row.
"""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime
from typing import Any

from engine.fault import innermost

FIELDS = frozenset(
    """message_id channel destination stage state attempt code duration_ms size digest address protocol count version port
    reason pid seconds kind place status method route rate table name""".split()
)
_logger = logging.getLogger("isthmus")


class _Lines(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        row: dict[str, Any] = {
            "ts": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "event": clean(record.getMessage()),
        }
        for name, value in getattr(record, "fields", {}).items():
            if name in FIELDS and value not in (None, ""):
                row[name] = value if isinstance(value, int | float) else clean(str(value))
        if record.exc_info and record.exc_info[1] is not None:
            row["reason"] = type(record.exc_info[1]).__name__
        return json.dumps(row, ensure_ascii=True)


class _Terse(logging.Formatter):
    """For a terminal: one readable line."""

    def format(self, record: logging.LogRecord) -> str:
        fields = " ".join(
            f"{k}={clean(str(v))}" for k, v in getattr(record, "fields", {}).items() if k in FIELDS and v not in (None, "")
        )
        at = datetime.fromtimestamp(record.created, UTC).strftime("%H:%M:%S")
        return f"{at} {record.levelname.lower():7} {clean(record.getMessage())}  {fields}".rstrip()


def clean(text: str) -> str:
    """The text without control characters or direction marks, cut at 300 characters."""
    return "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in text[:300])


def configure(level: str = "info", form: str = "auto") -> None:
    """Sends every log to standard error, as JSON unless a person is watching; silences the talkative libraries.

    A library that has set handlers of its own (uvicorn does) loses them: they would write an exception's words.
    """
    handler = logging.StreamHandler(sys.stderr)
    terse = form == "text" or (form == "auto" and sys.stderr.isatty())
    handler.setFormatter(_Terse() if terse else _Lines())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    for logger in [known for known in root.manager.loggerDict.values() if isinstance(known, logging.Logger)]:
        logger.handlers[:] = []
        logger.propagate = True
        logger.setLevel(logging.NOTSET)
    _logger.setLevel(level.upper())
    for name in ("uvicorn.access", "hl7apy", "spyne", "zeep"):
        logging.getLogger(name).disabled = True


def log(event: str, level: str = "info", **fields: Any) -> None:
    """Writes one event; `event` is a constant text, never data."""
    _logger.log(logging.getLevelNamesMapping()[level.upper()], event, extra={"fields": fields})


def failed(event: str, error: BaseException, **fields: Any) -> None:
    """Writes an unexpected error by its type and the innermost place in the code."""
    log(event, "error", reason=type(error).__name__, place=innermost(error), **fields)
