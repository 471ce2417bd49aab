"""`/metrics` for Prometheus: open to the machine itself, to others with the operator's token."""

from __future__ import annotations

import asyncio
import ipaddress
from collections.abc import Callable, Iterable, Iterator

from fastapi import APIRouter, Request
from fastapi.responses import Response
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, Metric

from engine.fault import Refused
from engine.gauges.collect import Gauges, Seen
from engine.log import failed
from engine.operator import Guard
from engine.workers.counters import Families, Sum

MIRTH = {  # for dashboards that know these names: ours, its label, its outcome
    "mirth_messages_received": ("engine_messages_received_total", "channel", ""),
    "mirth_messages_filtered": ("engine_messages_filtered_total", "channel", ""),
    "mirth_messages_errored": ("engine_quarantined_total", "channel", ""),
    "mirth_messages_queued": ("engine_retries_total", "destination", ""),
    "mirth_messages_sent": ("engine_deliveries_total", "destination", "accepted"),
}


class _Once:
    """One scrape: what was counted, and the gauges where the database told them."""

    def __init__(self, counted: Sum) -> None:
        self.counted = counted
        self.gauges: tuple[Gauges, Seen] | None = None

    def collect(self) -> Iterator[Metric]:
        families = list(self.counted.collect())
        yield from families
        if self.gauges is not None:
            yield from self.gauges[0].families(self.gauges[1])
        yield from aliases(families)


def aliases(families: Iterable[Metric]) -> Iterator[Metric]:
    """The same counters under the names that other engines' dashboards ask for, summed by channel or destination."""
    samples = [sample for metric in families for sample in metric.samples]
    for name, (source, label, outcome) in MIRTH.items():
        sums: dict[str, float] = {}
        for sample in samples:
            if sample.name == source and sample.labels.get("outcome", "") == outcome:
                sums[sample.labels[label]] = sums.get(sample.labels[label], 0.0) + sample.value
        family = CounterMetricFamily(name, f"The same as {source}", labels=[label])
        for value, number in sums.items():
            family.add_metric([value], number)
        yield family


def routes(gauges: Gauges, counted: Callable[[], Families], guard: Guard) -> APIRouter:
    """The route; `counted` asks the other processes. While the database is away, the counters are told all the same."""
    router = APIRouter(tags=["health"])

    @router.get("/metrics", summary="Metrics for Prometheus")
    async def metrics(request: Request) -> Response:
        if not _is_here(request) and (refused := guard(request)) is not None:
            raise Refused(refused)
        once, registry = _Once(Sum(await asyncio.to_thread(counted))), CollectorRegistry()
        try:
            once.gauges = gauges, await gauges.look()
        except Exception as error:
            failed("metrics of the database could not be read", error)
        registry.register(once)
        return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)

    return router


def _is_here(request: Request) -> bool:
    """Whether the request comes from this machine, and not through a proxy on it."""
    if any(name in request.headers for name in ("forwarded", "x-forwarded-for", "x-real-ip", "via")) or request.client is None:
        return False
    try:
        return ipaddress.ip_address(request.client.host).is_loopback
    except ValueError:
        return False
