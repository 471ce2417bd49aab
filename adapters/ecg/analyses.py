"""The analyses that other packages add by the entry point `isthmus.analyses`, as the command line asks for them."""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import entry_points
from typing import Any

import click

from adapters.ecg.recording import Recording, measurable
from engine.fault import Fault, Kind

Analysis = Callable[..., dict[str, Any]]


def analysis(name: str = "measure") -> Analysis:
    """An analysis plug-in; measuring and explaining are not this package's work."""
    for point in entry_points(group="isthmus.analyses", name=name):
        found: Analysis = point.load()
        return found
    raise click.ClickException("there is no analysis plug-in; install the package whole")


def explained(one: Recording, label: str) -> dict[str, Any] | Fault:
    """What the label's probability rests on, or that of the gravest finding; for a page, as `page` takes it."""
    told = analysis("explain")(measurable(one), one.rate, one.leads, [label] if label else [])
    if "fault" in told:
        return Fault(**(told["fault"] | {"kind": Kind(told["fault"]["kind"])}))
    if not told["saliency"]:
        return Fault(Kind.INCORRECT, "E835", "there is nothing to explain: the model has no such label, or abstains", label[:80])
    found: dict[str, Any] = told["saliency"][0]
    return found
