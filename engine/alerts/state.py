"""A life as the text that is kept of it, and back. Both are remembered: most lives are quiet, and the text kept last comes back next."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from engine.alerts.life import Life, Phase

MOST = 8192
_lives: dict[str, Life] = {}


def text_of(life: Life) -> str:
    """What is kept of a life."""
    text = _quiet(life.last) if life.last is not None and life == Life(last=life.last) else json.dumps(_plain(life))
    _note(text, life)
    return text


def life_of(text: str) -> Life:
    """The life that was kept."""
    life = _lives.get(text)
    if life is None:
        life = _read(json.loads(text))
        _note(text, life)
    return life


def _note(text: str, life: Life) -> None:
    if len(_lives) >= MOST:
        _lives.clear()
    _lives[text] = life


def _quiet(last: datetime) -> str:
    """The text of a life of which only the newest reading's time is known."""
    return (
        '{"phase": "quiet", "count": 0, "repeats": 0, "level": 0, "acknowledged": false, "silent": false, "history": [], '
        f'"last": "{last.isoformat()}"}}'
    )


def _plain(life: Life) -> dict[str, Any]:
    return {
        "phase": life.phase.value,
        "count": life.count,
        "repeats": life.repeats,
        "level": life.level,
        "acknowledged": life.acknowledged,
        "silent": life.silent,
        "history": [[at.isoformat(), str(value)] for at, value in life.history],
        **({"source": life.source} if life.source else {}),
        **{name: value.isoformat() for name in ("since", "last", "raised") if (value := getattr(life, name)) is not None},
    }


def _read(state: dict[str, Any]) -> Life:
    def moment(name: str) -> datetime | None:
        return datetime.fromisoformat(state[name]).astimezone(UTC) if state.get(name) else None

    history = tuple((datetime.fromisoformat(at), Decimal(value)) for at, value in state["history"])
    return Life(
        Phase(state["phase"]), moment("since"), state["count"], moment("last"), moment("raised"), state["repeats"], state["level"],
        state["acknowledged"], state["silent"], history, state.get("source", ""),
    )  # fmt: skip
