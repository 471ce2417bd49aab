"""Collects the gauges: one look at the database serves every scrape of the next seconds."""

from __future__ import annotations

import asyncio
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from prometheus_client.core import GaugeMetricFamily, Metric

from engine.gauges.sql import sql
from engine.journal.partitions import first_id

KEPT = 3.0  # seconds that a look serves
RARE = 60.0  # seconds that the look for lost messages serves


@dataclass(slots=True)
class Seen:
    """What a look found. Ages are in seconds."""

    depth: int = 0
    stopped: int = 0
    age: float = 0.0
    held: dict[str, int] = field(default_factory=dict)
    destinations: list[tuple[str, int, int, float, int, bool]] = field(default_factory=list)
    lost: dict[str, int] = field(default_factory=dict)


class Gauges:
    """Gauges over a pool of connections. `connections` tells how many are open by protocol, `in_hand` how many messages are worked on."""

    def __init__(
        self, pool: Any, data: Path, connections: Callable[[], Mapping[str, int]], in_hand: Callable[[], int] = lambda: 0
    ) -> None:
        self._pool, self._data, self._connections, self._in_hand = pool, data, connections, in_hand
        self._seen = Seen()
        self._at = self._rare_at = float("-inf")
        self._lock = asyncio.Lock()

    async def look(self) -> Seen:
        """The newest look, a new one when it is older than a few seconds."""
        async with self._lock:
            if time.monotonic() - self._at >= KEPT:
                self._seen = await self._ask()
                self._at = time.monotonic()
        return self._seen

    async def _ask(self) -> Seen:
        now = datetime.now(UTC)
        async with self._pool.connection(timeout=5) as connection:
            depth, stopped, oldest = await (await connection.execute(sql("queue"))).fetchone()
            held = dict(await (await connection.execute(sql("held"))).fetchall())
            rows = await (await connection.execute(sql("outbox"), {})).fetchall()
            lost = self._seen.lost
            if time.monotonic() - self._rare_at >= RARE:
                asked = {"border": first_id(now - timedelta(seconds=30))}
                lost = dict(await (await connection.execute(sql("lost"), asked)).fetchall())
                self._rare_at = time.monotonic()
        age = max(0.0, now.timestamp() - (oldest.int >> 80) / 1000) if oldest else 0.0
        ages = [(name, w, r, max(0.0, (now - at).total_seconds()) if at else 0.0, d, p) for name, w, r, at, d, p in rows]
        return Seen(depth, stopped, age, held, ages, lost)

    def families(self, seen: Seen) -> Iterator[Metric]:
        """The gauges as Prometheus has them."""
        yield GaugeMetricFamily("engine_queue_depth", "Messages that wait for their turn", seen.depth)
        yield GaugeMetricFamily("engine_queue_oldest_age_seconds", "How long the oldest of them waits", seen.age)
        yield GaugeMetricFamily("engine_inflight", "Messages that are worked on", self._in_hand())
        yield GaugeMetricFamily("engine_lane_blocked", "Keys that a held message stops", seen.stopped)
        yield _by("engine_messages_held", "Messages that wait for a person", "channel", seen.held.items())
        rows = seen.destinations
        yield _by("engine_outbox_depth", "Parcels that wait", "destination", ((row[0], row[1]) for row in rows))
        yield _by(
            "engine_outbox_retrying", "Parcels that wait for another try", "destination", ((row[0], row[2]) for row in rows)
        )
        yield _by(
            "engine_outbox_oldest_age_seconds", "How long the oldest waits", "destination", ((row[0], row[3]) for row in rows)
        )
        yield _by("engine_outbox_dead", "Parcels given up", "destination", ((row[0], row[4]) for row in rows))
        yield _by(
            "engine_destination_paused", "1 where sending is paused", "destination", ((row[0], int(row[5])) for row in rows)
        )
        text = "Messages received that are neither waiting, held, filtered nor processed: always 0 (looked for among the newest)"
        yield _by("engine_conservation_deviation", text, "channel", seen.lost.items())
        yield _by("engine_connections", "Open connections of sources", "protocol", self._connections().items())
        stats = self._pool.get_stats()
        used = stats.get("pool_size", 0) - stats.get("pool_available", 0)
        yield GaugeMetricFamily("engine_db_pool_in_use", "Connections of the pool in use", used)
        yield GaugeMetricFamily("engine_disk_free_bytes", "Free on the data folder's disk", shutil.disk_usage(self._data).free)


def _by(name: str, text: str, label: str, rows: Any) -> Metric:
    family = GaugeMetricFamily(name, text, labels=[label])
    for value, number in rows:
        family.add_metric([value], number)
    return family
