"""Tokens that bind a socket to Subscriptions: short-lived, signed with the server's secret, kept nowhere."""

from __future__ import annotations

import base64
import binascii
import hmac
import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from hashlib import sha256

LIFE = timedelta(minutes=10)
LONGEST = 8000  # characters


def make(key: bytes, nums: Sequence[int], now: datetime) -> tuple[str, datetime]:
    """A token for these Subscriptions, and until when it is good."""
    until = (now + LIFE).replace(microsecond=0)
    body = base64.urlsafe_b64encode(json.dumps([int(until.timestamp()), *nums], separators=(",", ":")).encode()).decode()
    return f"{body}.{_sign(key, body)}", until


def read(key: bytes, token: str, now: datetime) -> tuple[int, ...] | None:
    """The Subscriptions a token stands for; None for one that is not ours, or too old."""
    body, _, mac = token.partition(".")
    if len(token) > LONGEST or not token.isascii() or not hmac.compare_digest(mac, _sign(key, body)):
        return None
    try:
        until, *nums = json.loads(base64.urlsafe_b64decode(body))
    except (binascii.Error, ValueError):
        return None
    return tuple(nums) if now.timestamp() < until else None


def _sign(key: bytes, body: str) -> str:
    return hmac.new(key, body.encode(), sha256).hexdigest()
