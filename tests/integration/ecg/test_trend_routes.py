"""Trends over HTTP and WebSocket on a real database, as the clients of the old service call them."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import httpx
import psycopg
import pytest
import uvicorn
from fastapi import FastAPI
from psycopg_pool import AsyncConnectionPool
from starlette.responses import JSONResponse
from websockets.exceptions import InvalidStatus
from websockets.sync.client import ClientConnection, connect

from adapters.ecg.trends import routes, table
from engine.fault import Refused
from engine.types import Site

VALUE = '<TREND_VALUE DATE_TIME_HL7="{at}" MIN_VALUE="0" AVG_VALUE="{value}" MAX_VALUE="{value}" VALID="{valid}"/>'


def export(patient: str = "P", values: tuple[str, ...] = ("70", "80", "90"), day: str = "20230413") -> bytes:
    rows = "".join(
        VALUE.format(at=f"{day}2{1 + n // 12}{n % 12 * 5:02}00", value=value or "0", valid="TRUE" if value else "FALSE")
        for n, value in enumerate(values)
    )
    trends = "".join(
        f'<TREND TREND_TYPE="{name}" MIN_VALID="{low}" UNITS="BPM">{rows}</TREND>'
        for name, low in (("TREND_HR", "TRUE"), ("TREND_VPB", "FALSE"))
    )
    head = f'<HOLTER_STATISTICS DATE_RECORDED="{day}200000"><PATIENT ID="{patient}"/><TRENDS>'
    return f"{head}{trends}</TRENDS></HOLTER_STATISTICS>".encode()


@pytest.fixture
def client(database: str) -> Iterator[httpx.Client]:
    """A running server of the routes alone."""
    pool = AsyncConnectionPool(database, min_size=1, max_size=4, open=False, kwargs={"autocommit": True})

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        await pool.open(wait=True)
        yield
        await pool.close()

    async def refused(_: Any, error: Exception) -> JSONResponse:
        assert isinstance(error, Refused)
        return JSONResponse(error.fault.as_dict(), error.fault.kind.answer.http)

    app = FastAPI(lifespan=lifespan)
    app.add_exception_handler(Refused, refused)
    app.include_router(routes(Site({}, {}, {}, lambda: datetime.now(UTC), uuid4, pool)))
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(64)
        server = uvicorn.Server(uvicorn.Config(app, log_level="error", access_log=False, ws="websockets-sansio"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        with httpx.Client(base_url=f"http://127.0.0.1:{listener.getsockname()[1]}", timeout=60) as found:
            yield found
        server.should_exit = True
        thread.join(20)


def open_socket(client: httpx.Client, **more: Any) -> ClientConnection:
    return connect(f"ws://{client.base_url.host}:{client.base_url.port}/ws/ecg", open_timeout=60, proxy=None, **more)


def upload(client: httpx.Client, body: bytes) -> dict[str, Any]:
    answer = client.post("/upload-ecg", files={"file": ("export.xml", body)})
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def read(client: httpx.Client, **asked: Any) -> list[dict[str, Any]]:
    given = {"start_time": "2023-04-13T21:00:00", "duration_seconds": 600, "smooth": 1} | asked
    with open_socket(client) as reader:
        reader.send(json.dumps(given))
        return [json.loads(message) for message in reader]


def test_an_upload_tells_its_first_points_and_the_same_again_adds_nothing(client: httpx.Client) -> None:
    first = upload(client, export())
    assert first["inserted_rows"] == 6
    assert first["sample"][0] == {
        "trend_type": "TREND_HR", "date_time_hl7": "20230413210000", "min_value": 0, "avg_value": 70, "max_value": 70, "valid": True
    }  # fmt: skip
    assert len(first["sample"]) == 5
    again = upload(client, export())
    assert (again["inserted_rows"], again["recording"]) == (0, first["recording"])
    assert len(read(client, duration_seconds=3600)) == 6


def test_a_window_holds_its_start_and_not_its_end_by_time_and_series(client: httpx.Client) -> None:
    upload(client, export())
    rows = read(client)
    assert [(row["date_time_iso"], row["trend_type"]) for row in rows] == [
        (f"2023-04-13T21:{minute}:00", name) for minute in ("00", "05") for name in ("TREND_HR", "TREND_VPB")
    ]
    assert [row["trend_type"] for row in read(client, series="TREND_HR", pace=1000)] == ["TREND_HR"] * 2


def test_what_is_not_valid_is_null_in_the_database_and_beyond(client: httpx.Client, database: str) -> None:
    upload(client, export(values=("70", "", "90")))
    rows = read(client)
    assert [row["min_value"] for row in rows] == [0, None, None, None]
    assert [row["avg_value"] for row in rows] == [70, 70, None, None]
    assert rows[2]["data_absent_reason"]["avg_value"] == "error"
    with psycopg.connect(database) as connection:
        found = connection.execute("select count(*) from ecg.trend where series = 'TREND_VPB' and minimum is not null").fetchone()
        tables = connection.execute("select distinct tableoid::regclass::text from ecg.trend").fetchall()
    assert found == (0,)
    assert tables == [("ecg.trend_202304",)]


def test_two_patients_are_never_mixed(client: httpx.Client) -> None:
    upload(client, export("P", ("70",)))
    other = upload(client, export("Q", ("60",)))
    [error] = read(client)
    assert error["code"] == "E182"
    assert [row["avg_value"] for row in read(client, patient="P", series=["TREND_HR"])] == [70]
    assert [row["avg_value"] for row in read(client, recording=other["recording"], series=["TREND_HR"])] == [60]
    assert read(client, patient="R") == []


def test_values_that_an_export_states_anew_replace_the_old_ones(client: httpx.Client) -> None:
    upload(client, export(values=("70",)))
    assert upload(client, export(values=("71", "72")))["inserted_rows"] == 2
    assert [row["avg_value"] for row in read(client, series="TREND_HR")] == [71, 72]


def test_smoothing_is_on_unless_it_is_turned_off(client: httpx.Client) -> None:
    upload(client, export())
    assert [row["avg_value"] for row in read(client, smooth=5, series="TREND_HR", duration_seconds=3600)] == [80, 80, 80]


def test_points_come_at_the_pace_that_was_asked_for(client: httpx.Client) -> None:
    upload(client, export(values=("70",) * 12))
    with open_socket(client) as reader:
        asked = {"start_time": "2023-04-13T21:00:00", "duration_seconds": 3600, "series": "TREND_HR", "pace": 40}
        began = time.monotonic()
        reader.send(json.dumps(asked))
        came = [time.monotonic() - began for _ in reader]
    assert len(came) == 12
    assert all(at >= number / 40 - 0.001 for number, at in enumerate(came))  # never earlier than its turn


def test_errors_are_told_and_end_the_socket(client: httpx.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    assert read(client, start_time="yesterday")[0]["error"]
    upload(client, export())
    monkeypatch.setattr(table, "MOST", 3)
    [error] = read(client)
    assert error["code"] == "E183"


def test_uploads_that_are_none_are_the_senders_fault(client: httpx.Client) -> None:
    bad = [client.post("/upload-ecg", files={"file": ("a.xml", body)}) for body in (b"<x", b"<x/>")]
    assert {answer.status_code for answer in bad} == {400}
    for answer in (client.post("/upload-ecg", files={"other": b"x"}), client.post("/upload-ecg", content=b"x")):
        assert (answer.status_code, answer.json()["code"]) == (400, "E184")


def test_the_request_is_echoed_as_it_was_understood(client: httpx.Client) -> None:
    asked = {"start_time": "2023-04-13T21:19:01", "duration_seconds": 1200}
    assert client.post("/ecg/stream", json=asked).json() == {"received": asked}
    assert client.post("/ecg/stream", json={}).json()["code"] == "E181"


def test_pages_of_other_sites_read_nothing(client: httpx.Client) -> None:
    with pytest.raises(InvalidStatus), open_socket(client, origin="https://evil.example"):
        pass
