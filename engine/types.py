"""Every value and protocol the plug-ins meet, on one page: what arrives, what is worked on, what leaves.

Plug-ins are frozen dataclasses whose fields are their options; they arrive by entry points (`isthmus.formats`, `.sources`,
`.steps`, `.stores`, `.destinations`, `.routes`, `.migrations`). This module imports the standard library and engine.fault only.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from typing import Any, Protocol
from uuid import UUID

from engine.fault import Fault
from engine.record import record

JSON = dict[str, Any]
Connection = Any  # psycopg.Connection: the engine hands it out inside its transaction


# --- what arrives -----------------------------------------------------------------------------------------------------


@record
class Envelope:
    """What can be told of a body before it is mapped. All parts may be empty, none is invented."""

    type: str = ""  # ORU^R01
    sender: str = ""  # MSH-3|MSH-4, a client id
    control_id: str = ""  # MSH-10, an Idempotency-Key
    key: str = ""  # order key, a patient as a rule


@record
class Arrival:
    """One received body, exactly as it came, before it is durable."""

    id: UUID  # UUIDv7, given at the first byte
    channel: str
    format: str
    body: bytes
    received: datetime
    envelope: Envelope = Envelope()
    peer: str = ""
    fault: Fault | None = None  # stored as held when the source could already tell that it cannot be worked
    slow: bool = False  # its channel's work takes a processor for long: it waits in lanes of its own


@record
class Receipt:
    """The journal's word that an arrival is on disk."""

    id: UUID  # of the message that takes effect: the first one's for a duplicate
    duplicate: bool = False  # same sender, control id and bytes: no second effect
    reused: bool = False  # same sender and control id, other bytes: kept and flagged
    fault: Fault | None = None


class State(Enum):
    """Where a message stands."""

    STORED = "stored"  # durable, waiting for its turn
    PROCESSED = "processed"
    FILTERED = "filtered"
    HELD = "held"  # with its fault, until replayed


@record
class Outcome:
    """What became of a message: processed, filtered or held, with the faults that say why."""

    state: State
    faults: tuple[Fault, ...] = ()
    resources: tuple[str, ...] = ()  # "Observation/…": what was written


class Intake(Protocol):
    """What a source is given to hand messages in."""

    async def accept(self, arrivals: Sequence[Arrival]) -> list[Receipt | Fault]:
        """Makes the arrivals durable, in order; returns after COMMIT. A Fault means nothing was stored."""
        ...

    async def settled(self, id: UUID, timeout: float) -> Outcome | Fault:
        """Waits until the message is processed, filtered or held; Kind.INTERRUPTED when the time is over."""
        ...

    async def ready(self) -> None:
        """Returns at once, or waits while the journal or the workers are behind (back-pressure)."""
        ...


# --- formats ----------------------------------------------------------------------------------------------------------


class Scope(Protocol):
    """A parsed body or one group of it. Paths compiled by the format read from it."""

    @property
    def name(self) -> str:
        """What `each` found it by; '' for the whole body."""
        ...

    @property
    def parent(self) -> Scope | None:
        """What encloses it; None for the whole body."""
        ...

    def each(self, group: str) -> Sequence[Scope]:
        """The instances below this one, in order, of a group (`OBSERVATION`), of a segment (`NTE`) or of the repetitions of a
        field (`PID-3`). From inside one, its own paths read that one instance and all others what encloses it."""
        ...


class Path(Protocol):
    """A compiled source path such as `OBX-3.1`."""

    @property
    def text(self) -> str: ...

    @property
    def type(self) -> str:
        """The standard's data type: CWE, ST …; "" when unknown, "varies" when another value names it."""
        ...

    @property
    def typed_by(self) -> str:
        """The path of that value: OBX-2 for OBX-5; "" as a rule."""
        ...

    @property
    def repeats(self) -> bool: ...

    @property
    def outer(self) -> bool:
        """Whether, where it was compiled, it reads what encloses the scope."""
        ...

    def home(self, scope: Scope) -> Scope:
        """The scope it is read in: this one or one around it. Scopes with the same home read the same."""
        ...

    def first(self, scope: Scope) -> Any:
        """The first value, or None when it is not valued."""
        ...

    def all(self, scope: Scope) -> list[Any]:
        """Every valued repetition."""
        ...

    def null(self, scope: Scope) -> bool:
        """Whether the source says to delete what is stored (HL7's `""`), which is not the same as saying nothing."""
        ...

    def where(self, scope: Scope) -> tuple[str, int, int]:
        """(path with its real indexes, start byte, end byte) of the first value; (text, 0, 0) when there is none."""
        ...


class Format(Protocol):
    """A body's format: bytes to a Scope and back, and the notation of its paths.

    One that knows more helps the checker: `structure(name)` and `group(name, structure, group)` give a Fault for what there is not,
    `noted(text)` tells a text that can only be a path, `doubt(path, word)` what to write instead of a comparison that never holds.
    """

    @property
    def name(self) -> str: ...

    def envelope(self, body: bytes) -> Envelope | Fault:
        """Reads who, what and which number without parsing it all; never raises."""
        ...

    def parse(self, body: bytes) -> Scope | Fault:
        """Reads a body; never raises. What was odd but readable is a warning of the Scope."""
        ...

    def path(self, text: str, structure: str, group: str) -> Path | Fault:
        """Compiles a path as seen from inside `group` of a message `structure`; a Fault names what does not exist.

        `group` names what encloses the path, outermost first: "" for the whole message, "ORDER_OBSERVATION/OBSERVATION/NTE".
        """
        ...


# --- the work ---------------------------------------------------------------------------------------------------------


@record
class Message:
    """A journalled message, claimed for work."""

    id: UUID
    seq: int
    channel: str
    format: str
    body: bytes
    received: datetime
    envelope: Envelope
    attempt: int = 1


@record
class Put:
    """A resource to write. `merge` keeps stored elements the new body does not state, save those in `clear`; `once` leaves alone
    what is there already (a Provenance whose activity is repeated).

    Parts of a body may be shared between resources and messages: a step that changes one makes a new body.
    """

    body: JSON  # with resourceType and id
    merge: bool = False
    clear: tuple[str, ...] = ()
    once: bool = False


@record
class Parcel:
    """Bytes for one destination. `idem` is stable over retries and replays; parcels of one `key` leave in order."""

    destination: str
    key: str
    idem: str
    body: bytes
    content_type: str = "application/octet-stream"
    meta: Mapping[str, str] = field(default_factory=dict)


@record
class Event:
    """Something for the feeds, numbered when the transaction commits."""

    topic: str
    body: JSON
    patient: str = ""
    severity: str = ""


@record
class Work:
    """A message on its way through the steps of its channel."""

    message: Message
    document: Any = None
    puts: tuple[Put, ...] = ()
    parcels: tuple[Parcel, ...] = ()
    events: tuple[Event, ...] = ()
    warnings: tuple[Fault, ...] = ()
    data: Mapping[str, Any] = field(default_factory=dict)  # what one step leaves for a later one, by step name


class Filtered:
    """A step's answer: the message is not for this channel. Not an error."""


FILTERED = Filtered()
Run = Callable[[Work], "Work | Fault | tuple[Fault, ...] | Filtered"]


class Step(Protocol):
    """A step plug-in. Its fields are its options."""

    def compile(self, site: Site) -> Run | Fault:
        """Checks the options against the site and returns the pure function that is run for each message."""
        ...


@record
class Written:
    """What the store did with a Put."""

    type: str
    id: str
    version: int
    change: str  # created, updated, unchanged


@record
class Origin:
    """Which message wrote which resources, by which version of its channel."""

    message: Message
    plan: str
    resources: tuple[str, ...]  # Observation/…


class Store(Protocol):
    """Where resources are kept. One that also has `record(connection, origins, at)` is told what each message wrote."""

    def write(self, connection: Connection, puts: Sequence[Put], at: datetime) -> list[Written]:
        """Writes a batch inside the caller's transaction: same content, no new version."""
        ...

    def bodies(self, connection: Connection, names: Sequence[tuple[str, str]]) -> Mapping[tuple[str, str], JSON]:
        """The current resources of these (type, id); those that are not there are left out."""
        ...


# --- what serves and what leaves --------------------------------------------------------------------------------------


class Source(Protocol):
    """A source plug-in: listens or watches, and hands arrivals to the intake. With `check()` it tells, as a Fault or None, what is wrong
    with its options before anything is opened; so may a destination."""

    async def serve(self, channel: str, site: Site, intake: Intake) -> Running | Fault:
        """Binds and starts; a Fault says why it could not."""
        ...


class Running(Protocol):
    """A started source."""

    address: str

    async def drain(self, seconds: float) -> None:
        """Accepts nothing new, finishes what is in flight, answers it, and closes."""
        ...


class Destination(Protocol):
    """A destination plug-in: opens a sender. At most one parcel of a key is in flight."""

    async def open(self, site: Site) -> Sender | Fault: ...


class Sender(Protocol):
    """An open way to one far side."""

    async def send(self, parcel: Parcel) -> JSON | Fault:
        """Delivers, and returns the far side's receipt; the Fault's kind says whether a retry can help."""
        ...

    async def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Site:
    """What plug-ins may know of the engine that runs them. Values and functions only, no globals."""

    formats: Mapping[str, Format]
    mappings: Mapping[str, Any]  # compiled mappings by name
    settings: Mapping[str, Any]  # data folder, host, ports, limits
    now: Callable[[], datetime]
    new_id: Callable[[], UUID]
    pool: Any = None  # psycopg_pool.AsyncConnectionPool, for routes
    intake: Intake | None = None
    rules: Mapping[str, Any] = field(default_factory=dict)  # alert rules by name
    run_slow: Callable[..., Awaitable[Any]] | None = None  # runs a function in the process pool
    call_slow: Callable[..., Any] | None = None  # the same for a step: waits for the result, or gives a Fault
    after_commit: Callable[[Callable[[], None]], None] | None = None  # has a function called, from a thread, after each commit
    # makes arrivals durable inside the caller's transaction; what it returns is called once that is committed
    enlist: Callable[[Connection, Sequence[Arrival]], Callable[[], None]] | None = None
    # queues parcels inside the caller's transaction; what it returns is called once that is committed
    post: Callable[[Connection, Sequence[Parcel]], Callable[[], None]] | None = None
