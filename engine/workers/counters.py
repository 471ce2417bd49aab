"""Counters of several processes as one: each process counts for itself, a scrape adds them up.

Only counters and histograms of the engine are added; what describes a process (its memory, its Python) stays the engine's own.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain

from prometheus_client import REGISTRY, CollectorRegistry
from prometheus_client.core import Metric

Labels = tuple[tuple[str, str], ...]
Sample = tuple[str, Labels, float]
Families = list[tuple[str, str, str, list[Sample]]]  # name, type, what it is, samples
ADDED = ("counter", "histogram")


def families() -> Families:
    """What this process has counted."""
    found: Families = []
    for metric in REGISTRY.collect():
        if metric.type in ADDED:
            samples = [(one.name, tuple(sorted(one.labels.items())), one.value) for one in metric.samples]
            found.append((metric.name, metric.type, metric.documentation, samples))
    return found


def together(processes: Iterable[Families]) -> Families:
    """What several processes have counted, each family once."""
    sums: dict[str, dict[tuple[str, Labels], float]] = {}
    about: dict[str, tuple[str, str]] = {}
    for name, type, text, samples in chain.from_iterable(processes):
        about[name] = type, text
        family = sums.setdefault(name, {})
        for sample, labels, value in samples:
            if not sample.endswith("_created"):
                family[sample, labels] = family.get((sample, labels), 0.0) + value
    return [(name, *about[name], [(*key, value) for key, value in family.items()]) for name, family in sums.items()]


class Sum:
    """The process's own registry with what others have counted added to it, as a collector."""

    def __init__(self, others: Families, registry: CollectorRegistry = REGISTRY) -> None:
        self._others, self._registry = others, registry

    def collect(self) -> Iterator[Metric]:
        """Every family once."""
        others = {name: (type, text, samples) for name, type, text, samples in self._others}
        for metric in self._registry.collect():
            _, _, samples = others.pop(metric.name, ("", "", ()))
            yield added(metric, samples) if samples else metric
        for name, (type, text, samples) in others.items():
            yield added(Metric(name, text, type), samples)


def added(metric: Metric, samples: Iterable[Sample]) -> Metric:
    """A family with other samples of it added."""
    more = {(name, labels): value for name, labels, value in samples}
    found = Metric(metric.name, metric.documentation, metric.type)
    for one in metric.samples:
        found.add_sample(one.name, one.labels, one.value + more.pop((one.name, tuple(sorted(one.labels.items()))), 0.0))
    for (name, labels), value in more.items():
        found.add_sample(name, dict(labels), value)
    return found
