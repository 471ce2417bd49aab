"""The source `file`: a watched folder whose files are taken one by one, each once, and moved on when they are on disk elsewhere."""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Literal

from adapters.files import folder as files
from adapters.files.watch import Watch
from engine.fault import Fault, Kind
from engine.log import failed, log
from engine.types import Arrival, Envelope, Intake, Receipt, Running, Site


@dataclass(frozen=True, slots=True)
class Files:
    """Watches a folder. Half-written files, links and pipes are left alone; each file is processed once."""

    folder: str  # must be there
    format: str = "hl7v2"  # hl7v2, json, fhir, csv, xml, ecg
    pattern: str = "*"  # which names are taken
    ignore: tuple[str, ...] = ("*.part", "*.partial", "*.filepart", "*.tmp", "*~")  # names of files still being written
    marker: str = ""  # .done: a file is whole when NAME.done has come, instead of after `settle`
    settle: float = 2.0  # seconds in which size and time must not change
    every: float = 1.0  # seconds between two looks
    max_body: int = 64 * 1024 * 1024  # bytes of a file
    after: Literal["move", "delete"] = "move"  # into the folders done and failed, or done ones are deleted

    async def serve(self, channel: str, site: Site, intake: Intake) -> Running | Fault:
        """Begins to watch; a Fault when the folder is not there or cannot be written."""
        place = Path(self.folder).expanduser()
        if not await asyncio.to_thread(lambda: place.is_dir() and os.access(place, os.R_OK | os.W_OK | os.X_OK)):
            help = "make it, and let the engine read and write there"
            return Fault(Kind.UNAVAILABLE, "E732", "the folder is not there or cannot be written", self.folder, help)
        watcher = Watcher(self, place, channel, site, intake)
        watcher.start()
        return watcher


class Watcher:
    """A watched folder."""

    def __init__(
        self,
        options: Files,
        place: Path,
        channel: str,
        site: Site,
        intake: Intake,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._options, self._place, self._channel, self._site, self._intake = options, place, channel, site, intake
        self._clock = clock
        self.address = str(place)
        self._watch = Watch(options.settle, options.pattern, options.ignore, options.marker)
        self._ending = asyncio.Event()
        self._lock: int | None = None
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begins to look."""
        self._task = asyncio.create_task(self._run(), name=f"folder {self._channel}")

    async def drain(self, seconds: float) -> None:
        """Finishes the file in hand and takes no other."""
        self._ending.set()
        if self._task is not None:
            done, _ = await asyncio.wait([self._task], timeout=seconds)
            if not done:
                self._task.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await self._task
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    async def _run(self) -> None:
        while not self._ending.is_set():
            try:
                await self.look()
            except OSError as error:
                failed("a folder cannot be read", error, channel=self._channel)
            except Exception as error:
                failed("a folder's look failed and goes on", error, channel=self._channel)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._ending.wait(), self._options.every)

    async def look(self) -> int:
        """Takes what is whole, after what an earlier run has left; how many files were moved on."""
        names = await asyncio.to_thread(self._whole)
        count = 0
        for name in names:
            if self._ending.is_set():
                break
            await self._intake.ready()
            if not await asyncio.to_thread(self._claimed, name):
                continue
            if not await self._work(name):
                break  # nothing could be stored: what follows keeps its place
            count += 1
        return count

    def _whole(self) -> list[str]:
        if self._lock is None:
            self._lock = files.lock(self._place)
            if self._lock is None:
                return []
        return [*files.left(self._place), *self._watch.ready(files.entries(self._place), self._clock())]

    def _claimed(self, name: str) -> bool:
        return name in files.left(self._place) or files.claim(self._place, name)

    async def _work(self, name: str) -> bool:
        body = await asyncio.to_thread(files.read, self._place, name, self._options.max_body)
        if isinstance(body, Fault):
            log("a file was not taken", "warning", channel=self._channel, code=body.code)
            await asyncio.to_thread(self._finish, name, False)
            return True
        receipts = await self._intake.accept(await asyncio.to_thread(self._arrivals, name, body))
        unstored = next((one for one in receipts if isinstance(one, Fault)), None)
        if unstored is not None:
            log("a file could not be stored and is tried again", "warning", channel=self._channel, code=unstored.code)
            return False
        await asyncio.to_thread(self._finish, name, all(isinstance(one, Receipt) and one.fault is None for one in receipts))
        return True

    def _arrivals(self, name: str, body: bytes) -> list[Arrival]:
        """The messages of a file. Without a number of its own, a message's is the file's name, digest and place in it."""
        format = self._site.formats[self._options.format]
        split: Callable[[bytes], tuple[bytes, ...] | Fault] | None = getattr(format, "split", None)
        parts = split(body) if split else (body,)
        doubt, parts = (parts, (body,)) if isinstance(parts, Fault) else (None, parts)
        now, file, digest = self._site.now(), files.plain(name), sha256(body).hexdigest()[:32]
        found = []
        for number, part in enumerate(parts):
            told = format.envelope(part)
            fault = told if isinstance(told, Fault) else doubt
            known = Envelope() if isinstance(told, Fault) else told
            if not (known.sender and known.control_id):
                control_id = f"{file}:{digest}" + (f":{number + 1}" if len(parts) > 1 else "")
                known = Envelope(known.type, known.sender or self._channel, control_id, known.key)
            id = self._site.new_id()
            found.append(Arrival(id, self._channel, self._options.format, part, now, known, "file", fault))
        return found

    def _finish(self, name: str, well: bool) -> None:
        where = "failed" if not well else "" if self._options.after == "delete" else "done"
        files.finish(self._place, name, where, lambda: self._site.new_id().hex)
        if self._options.marker:
            with contextlib.suppress(OSError), files.opened(self._place) as base:
                os.unlink(name + self._options.marker, dir_fd=base)
