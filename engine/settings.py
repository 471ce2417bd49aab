"""What the engine is told from outside: command line first, then the environment, then sensible defaults."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass, field
from pathlib import Path

from engine.fault import Fault, Kind


def usual_workers() -> int:
    """How many processes work quick messages where nothing else is said: two, on one processor one."""
    here = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(2, here)


@dataclass(frozen=True, slots=True)
class Settings:
    """One engine's settings. `database_url` empty means the embedded PostgreSQL in `data`/postgres."""

    data: Path
    database_url: str = ""
    http_host: str = "127.0.0.1"
    http_port: int = 8080
    channels: Path = Path("channels")
    mappings: Path = Path("mappings")
    accept_data_loss: bool = False
    log_level: str = "info"
    workers: int = field(default_factory=usual_workers)  # processes that work quick messages; 0: the engine's own does
    pending: int = 20_000  # messages that may wait for their turn before sources are held back
    keep_audit: int = 0  # days that the record of who saw what is kept; 0 is for ever
    origins: tuple[str, ...] = ()  # of web pages that may read live feeds, besides the engine's own
    subscription_hosts: tuple[str, ...] = ()  # that Subscriptions may have told: https://ehr.example.org
    subscription_networks: tuple[str, ...] = ()  # that the names of those hosts may resolve to, though they are not public
    subscription_retry: str = ""  # schedule of their deliveries, in words


def default_data() -> Path:
    """`ISTHMUS_DATA`, else /var/lib/isthmus for root, else the user's data folder (XDG base directory)."""
    if named := os.environ.get("ISTHMUS_DATA"):
        return Path(named).expanduser()
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        return Path("/var/lib/isthmus")
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support" / "isthmus"
    return Path(os.environ.get("XDG_DATA_HOME", Path.home() / ".local" / "share")) / "isthmus"


def shipped(folder: str) -> Path:
    """The analysts' folder of this name: in the working directory when it is there, else the one that is installed."""
    here = Path.cwd() / folder
    if here.is_dir():
        return here
    return Path(__file__).resolve().parent.parent / folder


def split_address(text: str) -> tuple[str, int] | Fault:
    """Reads `host:port`, `tcp:host:port`, `[::1]:8080` or a bare port (on loopback)."""
    bare = text.removeprefix("tcp:")
    host, _, port = bare.rpartition(":")
    host = (host or "127.0.0.1").strip("[]")
    if not (port.isascii() and port.isdigit() and len(port) <= 5) or int(port) > 65535:
        return Fault(
            Kind.INCORRECT, "E901", "an address is host:port, with a port from 0 to 65535", help="for example 127.0.0.1:2575"
        )
    return host, int(port)
