"""Operator's calls of the running engine, with its token."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from engine.cli.output import stop
from engine.fault import Fault, Kind
from engine.home import note
from engine.settings import default_data


def post(data: Path | None, path: str, body: Any = None, json_: bool = False) -> tuple[int, dict[str, Any]]:
    """Posts to the engine of a data folder; (status, answer). Ends the command when there is none."""
    found = note((data or default_data()).expanduser().resolve())
    if found is None:
        stop(Fault(Kind.UNAVAILABLE, "E914", "no engine runs on this data folder", help="start it with `isthmus run`"), json_)
    headers = {"Authorization": f"Bearer {found['token']}", "Content-Type": "application/json"}
    content = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(f"{found['http']}{path}", content, headers, method="POST")  # noqa: S310 - our own note
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310
            return int(answer.status), dict(json.load(answer))
    except urllib.error.HTTPError as error:
        with error:
            if error.code < 500:
                return error.code, dict(json.load(error))
        stop(Fault(Kind.FAULT, "E915", f"the engine answered {error.code}", help="see its log"), json_)
    except OSError:
        stop(Fault(Kind.UNAVAILABLE, "E914", "the engine does not answer", help="is it starting, or stopping?"), json_)


def fault_of(answer: dict[str, Any]) -> Fault:
    """The fault of a refusal."""
    text, at, help = (str(answer.get(name, "")) for name in ("text", "at", "help"))
    return Fault(Kind(answer.get("kind", "fault")), str(answer.get("code", "E915")), text, at, help)
