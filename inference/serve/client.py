"""The engine's side of inference: an asyncio face on one worker process that may crash, hang or be slow without harm.

At most `queue` requests are in flight, each ends within `timeout`; a worker that dies or stops answering is replaced, and what
it had is answered with a fault whose kind says that a retry can help.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import signal
import sys
import time
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from engine.fault import Fault, Kind
from inference import classify
from inference.classify import Classification
from inference.counted import inferred
from inference.models.manifest import SHIPPED
from inference.serve import wire

PIPE_BYTES = 1 << 20
MEMORY = {
    "MALLOC_TRIM_THRESHOLD_": str(64 << 20),
    "MALLOC_MMAP_THRESHOLD_": str(32 << 20),
}  # used again, not given back each time
HELP = "try again; the recording itself is stored and will be classified later"


@dataclass(frozen=True, slots=True)
class Settings:
    """How a worker is run. `command` starts it; the rest bounds it."""

    command: tuple[str, ...] = (
        sys.executable,
        "-m",
        "inference.serve.worker",
        "own",
        str(SHIPPED),
        str(min(2, os.cpu_count() or 1)),
    )
    queue: int = 128
    timeout: float = 10.0
    hang: float = 20.0  # s without any answer after which a worker is replaced
    start: float = 60.0
    pause: float = 0.5  # s before another start after a failed one; doubles up to a minute


def worker_command(kind: str, path: Path, threads: int = 1, digest: str = "") -> tuple[str, ...]:
    """The command of a worker: `own` with a folder of models, or `ecgfm` with a checkpoint."""
    return (sys.executable, "-m", "inference.serve.worker", kind, str(path), str(threads), *([digest] if digest else []))


def crashed() -> Fault:
    """E827."""
    return Fault(Kind.UNAVAILABLE, "E827", "the inference worker stopped while it had this recording", help=HELP)


@dataclass(slots=True)
class Classifier:
    """One worker and its requests. Use from one event loop."""

    settings: Settings = field(default_factory=Settings)
    models: list[dict[str, str]] = field(default_factory=list)
    starts: int = 0
    _process: Process | None = None
    _reader: asyncio.Task[None] | None = None
    _pending: dict[int, asyncio.Future[wire.Answer | Fault]] = field(default_factory=dict)
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    _next: int = 0
    _pause: float = 0.0
    _not_before: float = 0.0
    _closed: bool = False
    _answered: float = 0.0
    _alive: bool = False
    _fault: Fault | None = None

    async def start(self) -> Fault | None:
        """Starts the worker unless it runs; a Fault says why it could not."""
        async with self._lock:
            if self._closed:
                return Fault(Kind.UNAVAILABLE, "E827", "inference has been shut down")
            if self._alive:
                return None
            if self._fault and time.monotonic() < self._not_before:
                return self._fault
            fault = self._fault = await self._spawn()
            if fault:
                self._pause = min(60.0, self._pause * 2 or self.settings.pause)
                self._not_before = time.monotonic() + self._pause
            else:
                self._pause = self._not_before = 0.0
            return fault

    async def _spawn(self) -> Fault | None:
        self.starts += 1
        folder = str(Path(__file__).resolve().parents[2])
        environment = {
            key: value for key, value in os.environ.items() if key in {"PATH", "HOME", "LANG", "TMPDIR", "LD_LIBRARY_PATH"}
        }
        environment |= {"PYTHONPATH": folder, "OMP_WAIT_POLICY": "PASSIVE", **MEMORY}
        try:
            process = await asyncio.create_subprocess_exec(
                *self.settings.command, stdin=PIPE, stdout=PIPE, stderr=DEVNULL, env=environment, limit=1 << 22
            )
        except OSError as error:
            return Fault(Kind.UNAVAILABLE, "E828", f"the inference worker does not start ({type(error).__name__})")
        try:
            body = await asyncio.wait_for(self._frame(process), self.settings.start)
            hello = wire.hello.decode(body)
        except (TimeoutError, asyncio.IncompleteReadError, ValueError):
            await self._kill(process)
            return Fault(Kind.UNAVAILABLE, "E828", "the inference worker does not start", help="`isthmus doctor` shows why")
        if hello.fault:
            await self._kill(process)
            return replace(fault_of(hello.fault), kind=Kind.UNAVAILABLE)  # what is amiss here is not amiss with the request
        widen(process)
        self._process, self.models, self._alive = process, hello.models, True
        self._reader = asyncio.create_task(self._read(process), name="inference-reader")
        return None

    @staticmethod
    async def _frame(process: Process) -> bytes:
        assert process.stdout is not None
        length = int.from_bytes(await process.stdout.readexactly(4), "little")
        return await process.stdout.readexactly(length)

    @staticmethod
    async def _kill(process: Process) -> None:
        end(process)
        await process.wait()

    async def _read(self, process: Process) -> None:
        """Hands answers to who waits, until the worker ends; then all that wait get a fault."""
        try:
            while True:
                answer = wire.answer.decode(await self._frame(process))
                self._answered = time.monotonic()
                waiting = self._pending.pop(answer.id, None)
                if waiting and not waiting.done():
                    waiting.set_result(answer)
        except (asyncio.IncompleteReadError, ConnectionError, ValueError):
            pass
        finally:
            self._alive = False
            end(process)
            for future in self._pending.values():
                if not future.done():
                    future.set_result(crashed())
            self._pending.clear()
            await process.wait()

    async def ask(
        self, samples: npt.NDArray[np.floating], rate: float, leads: Sequence[str], model: str, labels: Sequence[str] = ()
    ) -> wire.Answer | Fault:
        """Sends one recording and waits for the worker's answer; with labels, also for what they rest on."""
        if len(self._pending) >= self.settings.queue:
            return Fault(Kind.BUSY, "E825", "too many recordings wait for classification", help="try again in a moment")
        fault = await self.start()
        if fault:
            return fault
        process = self._process
        assert process is not None
        assert process.stdin is not None
        self._next += 1
        number = self._next
        future: asyncio.Future[wire.Answer | Fault] = asyncio.get_running_loop().create_future()
        since = time.monotonic()
        self._pending[number] = future
        data = np.ascontiguousarray(samples, "<f4")
        ask = wire.Ask(number, model, float(rate), list(leads), data.shape[1], data.tobytes(), list(labels))
        try:
            async with asyncio.timeout(self.settings.timeout):
                process.stdin.write(wire.frame(ask))
                await process.stdin.drain()
                return await future
        except TimeoutError:
            self._replace_if_hung(process, since)
            return Fault(Kind.INTERRUPTED, "E826", "the classification took too long", help=HELP)
        except (ConnectionError, RuntimeError):
            return crashed()
        finally:
            self._pending.pop(number, None)

    def _replace_if_hung(self, process: Process, since: float) -> None:
        """Kills a worker that has answered nothing for too long (one that is only busy has); the reader's end does the rest."""
        if time.monotonic() - max(since, self._answered) >= min(self.settings.hang, self.settings.timeout) * 0.99:
            end(process)

    async def classify(
        self, samples: npt.NDArray[np.floating], rate: float, leads: Sequence[str], model: str = "twelve"
    ) -> Classification | Fault:
        """µV [leads, n] at `rate` Hz with the leads' names → what the model says; a Fault when it could not be asked."""
        x = np.asarray(samples)
        fault = classify.check(x, rate, leads) if x.dtype.kind in "fiu" else not_numbers()
        if fault:
            return fault
        began = time.monotonic()
        answer: Classification | Fault
        asked = await self.ask(x, rate, leads, model)
        refused = asked if isinstance(asked, Fault) else fault_of(asked.fault) if asked.fault else None
        answer = refused or self._classification(asked, model)  # type: ignore[arg-type]
        outcome = answer if isinstance(answer, Fault) else bool(answer.abstained)
        inferred(answer.model if isinstance(answer, Classification) else model, outcome, time.monotonic() - began)
        return answer

    def _classification(self, answer: wire.Answer, model: str) -> Classification:
        row = next((one for one in self.models if one["name"] == model), self.models[0])
        embedding = tuple(np.frombuffer(answer.embedding, "<f4").tolist())
        return Classification(
            row["name"], row["version"], row["sha256"], answer.probabilities, embedding, answer.windows, answer.abstained,
            answer.leads, tuple(answer.warnings),
        )  # fmt: skip

    async def close(self) -> None:
        """Ends the worker; what waits gets a fault."""
        self._closed = True
        if self._process and self._process.returncode is None:
            assert self._process.stdin is not None
            self._process.stdin.close()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._process.wait(), 2.0)
            if self._process.returncode is None:
                await self._kill(self._process)
        if self._reader:
            await self._reader


def widen(process: Process) -> None:
    """Lets the worker's pipe hold a whole recording, so that it is handed over at once; where this cannot be, it is not."""
    pipe = process.stdin.transport.get_extra_info("pipe") if process.stdin else None
    if pipe is not None and hasattr(fcntl, "F_SETPIPE_SZ"):
        with contextlib.suppress(OSError):
            fcntl.fcntl(pipe.fileno(), fcntl.F_SETPIPE_SZ, PIPE_BYTES)


def end(process: Process) -> None:
    """Kills a process that has not been seen to end (asyncio's own kill would reap it behind its watcher's back)."""
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(process.pid, signal.SIGKILL)


def not_numbers() -> Fault:
    """E820 for a signal that is no table of numbers."""
    return Fault(Kind.INCORRECT, "E820", "the signal is not a table of numbers", "signal", "rows of equal length")


def fault_of(row: Sequence[str]) -> Fault:
    """A fault as it came over the pipe."""
    kind, code, text, at, help = row
    return Fault(Kind(kind), code, text, at, help)
