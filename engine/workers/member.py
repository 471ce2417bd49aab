"""One process that works for the engine, as the engine sees it: forked, spoken to, started anew when it ends by itself."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

from engine.live import Live
from engine.log import failed, log
from engine.settings import Settings
from engine.workers.counters import Families, together
from engine.workers.forked import Forked
from engine.workers.process import KINDS, Process
from engine.workers.wire import Told, Wire, pair
from engine.written import Written

PATIENCE = 60.0  # seconds for a process to load and begin
DEATHS = 3  # with the same message in hand, until it is taken for their cause
LONG = 60.0  # seconds after which a process is no longer taken for one that ends again and again
PAUSES = (0.1, 1.0, 2.0, 5.0, 10.0, 30.0)  # before it is started anew, the longer the more often it ended


class Member:
    """A process and the thread that listens to it. `heard` is called from that thread with what was committed."""

    def __init__(self, settings: Settings, slow: bool, heard: Callable[[Told], None]) -> None:
        self._settings, self.slow, self._heard = settings, slow, heard
        self._live: Live | None = None
        self._dsn = self.digest = ""
        self._ended = threading.Event()
        self._begun = threading.Event()
        self._answered = threading.Condition()
        self._answers: dict[str, Any] = {}
        self._before: Families = []  # counted by the processes that were here before this one
        self._counted: Families = []
        self._starts = 0
        self._in_hand: list[bytes] = []  # ids of messages
        self._suspects: list[bytes] = []  # what was in hand at the last death
        self._deaths: dict[bytes, int] = {}
        self._fatal: list[bytes] = []
        self._process: Forked | subprocess.Popen[bytes]
        self._thread = threading.Thread(target=self._run, name="worker process", daemon=True)

    def fork(self, live: Live, before: Sequence[Member]) -> None:
        """Begins the process as a copy of this one; it lets go of the wires of those that were forked `before`."""
        ours, theirs = pair()
        self._wire, self._live = Wire(ours), live

        def work() -> None:
            for member in (*before, self):
                member._wire.close()
            Process(Wire(theirs), self._settings, live, self.slow).work()

        self._process = Forked(work)
        os.close(theirs)
        self._starts = 1

    @property
    def alive(self) -> bool:
        """Whether it works."""
        return self._begun.is_set() and self._process.poll() is None

    @property
    def in_hand(self) -> int:
        """How many messages it works on."""
        return len(self._in_hand)

    def begin(self, dsn: str) -> str:
        """Has it work over this database; the digest of what it has deployed, "" when it did not begin in time."""
        self._dsn = dsn
        self._thread.start()
        self.send("begin", (dsn, [], []))
        return self.digest if self._begun.wait(PATIENCE) else ""

    def send(self, name: str, value: Any = None) -> None:
        """Tells it something; one that is gone is told nothing and hears all it needs when it is started anew."""
        with contextlib.suppress(OSError):
            self._wire.send(name, value)

    def hint(self, name: str) -> None:
        """Tells it something that it may miss while much else waits for it; never waits."""
        with contextlib.suppress(OSError):
            self._wire.hint(name)

    def ask(self, name: str, answer: str, seconds: float, value: Any = None) -> Any:
        """What it answers; None when it does not within the time."""
        with self._answered:
            self._answers.pop(answer, None)
            self.send(name, value)
            self._answered.wait_for(lambda: answer in self._answers, seconds)
            return self._answers.pop(answer, None)

    def deploy(self, written: Written | None) -> str:
        """Has it take the channels as they are `written`; the digest of what it deployed, "" when it did not answer in time."""
        self._fatal, self._deaths = [], {}  # what they did, they did with the old channels
        return str(self.ask("deploy", "deployed", PATIENCE, written) or "")

    def counted(self, seconds: float) -> Families:
        """What it has counted, with those before it; what it told last stands where it is late."""
        self._counted = self.ask("metrics", "metrics", seconds) or self._counted
        return together((self._before, self._counted))

    def stop(self, seconds: float) -> None:
        """Lets it finish its batch; a process that does not end in time is ended."""
        self._ended.set()
        self.send("stop")
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if self._thread.is_alive():
            self._thread.join(5)

    def _start(self) -> None:
        ours, theirs = pair()
        command = [sys.executable, "-m", "engine.workers", str(theirs), KINDS[self.slow]]
        self._process = subprocess.Popen(command, pass_fds=(theirs,), stdin=subprocess.DEVNULL)
        os.close(theirs)
        self._wire = Wire(ours)
        self._wire.send("settings", (self._settings, self._live.written if self._live else None))
        self._starts += 1

    def _run(self) -> None:
        while True:
            began = time.monotonic()
            self._listen()
            self._starts = 1 if time.monotonic() - began > LONG else self._starts
            self._begun.clear()
            self._wire.close()
            self._before, self._counted = together((self._before, self._counted)), []
            code = self._process.wait()
            if self._ended.is_set():
                return
            log("a worker process ended and is started anew", "error", state=str(code), count=len(self._in_hand))
            self._blame()
            if self._ended.wait(PAUSES[min(self._starts, len(PAUSES)) - 1]):
                return
            try:
                self._start()
            except OSError as error:
                failed("a worker process could not be started", error)
                continue
            if self._dsn:
                self.send("begin", (self._dsn, self._suspects, self._fatal))

    def _blame(self) -> None:
        """Notes what was in hand at a death; a message that was in hand at several, and alone at the last, is fatal. A process that
        died before it worked anything says nothing of any message."""
        if not self._in_hand:
            return
        self._deaths = {id: self._deaths.get(id, 0) + 1 for id in self._in_hand}
        self._fatal += [id for id, deaths in self._deaths.items() if deaths >= DEATHS and len(self._in_hand) == 1]
        self._suspects, self._in_hand = self._in_hand, []

    def _listen(self) -> None:
        while True:
            try:
                name, value = self._wire.receive()
            except (EOFError, OSError):
                return
            if name == "works":
                self._in_hand = value
            elif name == "told":
                done = {id for id, *_ in value}
                self._in_hand = [id for id in self._in_hand if id not in done]
                self._heard(value)
            elif name == "begun":
                self.digest = value
                self._begun.set()
            else:
                with self._answered:
                    self._answers[name] = value
                    self._answered.notify_all()
