"""What the engine itself refuses, each by its code."""

from __future__ import annotations

import asyncio
import http.server
import json
import os
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from adapters.hl7v2.format import Hl7v2
from adapters.hl7v2.traffic import hospital
from adapters.json_format import Json
from engine import intake
from engine.cli import main
from engine.deliver import parse
from engine.deliver.ledger import Due
from engine.deliver.route import Route
from engine.deliver.schedule import Schedule
from engine.deliver.trying import Trying
from engine.fault import Fault
from engine.mapping.library import build, choose
from engine.run import Plan, run
from engine.settlement import settlement
from engine.steps import NONE_FITS, Map
from engine.types import Arrival, Envelope, Filtered, Message, Parcel, Receipt, Site, Work
from engine.uuid7 import uuid7

REPORT = list(hospital(3, 1))[4]


def message(body: bytes = REPORT, type: str = "ORU^R01") -> Message:
    return Message(uuid7(), 1, "lab", "hl7v2", body, datetime.now(UTC), Envelope(type=type))


def site() -> Site:
    return Site({}, {}, {}, lambda: datetime.now(UTC), uuid7)


def test_a_message_of_a_channel_that_is_gone_is_held() -> None:
    done = settlement(None, message()).settlement
    assert [fault.code for fault in done.faults] == ["E291"]


def test_a_message_no_mapping_of_the_channel_reads_is_refused() -> None:
    from engine.mapping.installed import installed

    text = (
        "mapping: {name}\nreads: hl7v2 {reads}\nwrites: fhir R4\nresources:\n  Patient:\n    key: PID-3\n    identifier: =PID-3\n"
    )
    files = {f"{name}.yaml": text.format(name=name, reads=reads) for name, reads in (("a", "ADT_A01"), ("b", "ADT_A03"))}
    library = build(files, installed())
    assert library.sound
    step = Map(("a", "b")).compile(Site({}, library.mappings, {}, lambda: datetime.now(UTC), uuid7))
    assert not isinstance(step, Fault)
    assert run(Plan("lab", "1", Hl7v2(), (step,)), message()) == (NONE_FITS,)
    assert NONE_FITS.code == "E490"
    found = choose(library, "hl7v2", "ADT^A01")
    assert found is not None
    told = found.message(Hl7v2().parse(REPORT))  # it writes resources
    assert isinstance(told, tuple)
    assert told[0].code == "E407"


class Kept:
    async def accept(self, arrivals: Sequence[Arrival]) -> list[Receipt | Fault]:
        self.arrivals = list(arrivals)
        return [Receipt(one.id, fault=one.fault) for one in arrivals]


def test_a_message_too_large_for_a_strict_check_is_kept_with_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    async def unwanted(*_: Any) -> None:
        raise AssertionError("it was checked")

    monkeypatch.setattr(intake, "LARGEST", len(REPORT) - 1)
    kept = Kept()
    keyed = intake.KeyedIntake(kept, lambda: {"lab": Plan("lab", "1", Hl7v2(), (), strict=True)}, unwanted)  # type: ignore[arg-type]
    asyncio.run(keyed.accept([Arrival(uuid7(), "lab", "hl7v2", REPORT, datetime.now(UTC))]))
    [arrival] = kept.arrivals
    assert arrival.body == REPORT
    assert arrival.fault is not None
    assert arrival.fault.code == "E294"


class Never:
    """A destination that must not be opened."""

    async def open(self, site: Site) -> Any:
        raise AssertionError("it was opened")


def test_what_another_process_serves_is_not_sent() -> None:
    schedule = parse("once")
    assert isinstance(schedule, Schedule)
    trying = Trying(Route("lab.x", Never(), schedule), site(), lambda: 0)
    found = asyncio.run(trying.attempt(Due(1, 1, 0, Parcel("lab.x", "k", "i", b""))))
    assert isinstance(found, Fault)
    assert found.code == "E702"


@contextmanager
def answering(status: int) -> Iterator[str]:
    """A server that answers every call with this status."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.send_response(status)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_an_engine_that_answers_with_an_error_of_its_own_is_told(tmp_path: Path) -> None:
    with answering(500) as address:
        (tmp_path / "engine.json").write_text(json.dumps({"pid": os.getpid(), "http": address, "token": "t"}))
        done = CliRunner().invoke(main, ["deploy", "--data", str(tmp_path), "--json"])
    assert done.exit_code == 3
    assert json.loads(done.stdout)["fault"]["code"] == "E915"


def test_a_json_document_that_is_too_large_and_a_path_that_is_none_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    path = Json().path("a..b[", "", "")
    assert isinstance(path, Fault)
    assert path.code == "E196"
    monkeypatch.setattr("adapters.json_format.MAX_BYTES", 3)
    large = Json().parse(b"[1,2]")
    assert isinstance(large, Fault)
    assert large.code == "E195"


def test_a_filtered_message_is_no_fault() -> None:
    done = run(Plan("lab", "1", Hl7v2(), (), accepts=lambda scope: False), message())
    assert isinstance(done, Filtered)
    assert not isinstance(done, Work)
