"""An engine as a process: SIGTERM and SIGINT drain it, SIGHUP deploys its channels and mappings anew."""

from __future__ import annotations

import asyncio
import contextlib
import resource
import signal
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from engine import heap
from engine.deployment import dry_site
from engine.fault import Fault, Kind, innermost
from engine.live import Live
from engine.loop import run
from engine.rehearse import rehearse
from engine.settings import Settings
from engine.workers import Crew

if TYPE_CHECKING:
    from engine.app import Engine

FILES = 65_536


def serve(settings: Settings, progress: Callable[[str], None], started: Callable[[Engine], Any] | None = None) -> Fault | None:
    """Runs an engine until SIGTERM or SIGINT; `started` is called (and awaited) once it is ready. What was started is always stopped.

    Channels are loaded first: the worker processes are forked from this one while it has nothing else, the web server neither.
    """
    many_files()
    live = Live(settings)
    live.load(dry_site(settings))
    if settings.workers and live.deployed is not None:
        rehearse(live.deployed, settings.mappings)
    heap.stay()
    crew = Crew(settings, live) if settings.workers else None
    from engine.app import Engine  # noqa: PLC0415

    return run(_serve(Engine(settings, live, crew, partial(told, progress)), started))


def many_files() -> None:
    """Lets the engine open as many files as it may: each connection is one, and many systems begin with 1024."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = FILES if most == resource.RLIM_INFINITY else min(FILES, most)
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, most))


def told(progress: Callable[[str], None], text: str) -> None:
    """Tells how far it is; that nobody listens any more stops nothing, least of all the stopping."""
    with contextlib.suppress(OSError):
        progress(text)


async def _serve(engine: Engine, started: Callable[[Engine], Any] | None) -> Fault | None:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, engine.end)
    again: list[bool] = []  # a deployment asked for meanwhile is made afterwards: the signal's own action would end the process
    loop.add_signal_handler(signal.SIGHUP, again.append, True)
    extra: asyncio.Task[Fault | None] | None = None
    try:
        fault = await engine.start()
        if fault is None and not engine.ended.is_set():
            loop.add_signal_handler(signal.SIGHUP, lambda: asyncio.ensure_future(engine.redeploy()))
            if again:
                await engine.redeploy()
            if started is not None:
                extra = asyncio.ensure_future(guarded(started, engine))
            await engine.ended.wait()
        if extra is not None and extra.done():
            fault = extra.result()
    finally:
        if extra is not None and not extra.done():
            extra.cancel()
        await engine.stop()
    return fault


async def guarded(started: Callable[[Engine], Any], engine: Engine) -> Fault | None:
    """Runs what was to follow the start; its failure is told by type and place and ends the engine."""
    try:
        await started(engine)
    except SystemExit:  # a reader of our output that went away: the engine stops as ever, it is not left where it stands
        engine.end()
    except Exception as error:
        engine.end()
        text = f"what follows the start failed ({type(error).__name__})"
        return Fault(Kind.FAULT, "E920", text, innermost(error), "a defect: report it with what was called")
    return None
