"""What is deployed: channels, mappings, tables and rules read and compiled together. A set with an error is refused whole."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import PurePosixPath
from types import MappingProxyType
from typing import Any

from engine.alerts.rule import Rule, read_rule
from engine.channel import Channel, compile_channel, read_channel
from engine.channel.compile import Tools
from engine.channel.read import Kinds
from engine.deliver import Route, parse
from engine.deliver.feed import check_feeds
from engine.deliver.route import side_by_side
from engine.diagnostic import Diagnostic, Span, absent, declared, did_you_mean, errors, sourced
from engine.fault import Fault
from engine.mapping.installed import installed
from engine.mapping.library import Library, load_files
from engine.plugins import formats, plugins
from engine.run import Plan
from engine.settings import Settings
from engine.types import Site
from engine.uuid7 import uuid7
from engine.written import Written, gather

EVERYWHERE = {"", "0.0.0.0", "[::]"}  # noqa: S104  addresses that stand for all
PEOPLE = "alerts"  # the channel whose destinations alert rules may tell


@dataclass(frozen=True, slots=True)
class Deployment:
    """One consistent set; replaced as one value, never changed. `refused` when a finding is an error."""

    channels: Mapping[str, Channel]
    plans: Mapping[str, Plan]
    library: Library
    site: Site
    findings: tuple[Diagnostic, ...]
    digest: str
    routes: tuple[Route, ...] = ()
    folders: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)  # what plug-ins read beside the channels, by file
    written: Written | None = None  # what all of it was made of

    @property
    def notices(self) -> Mapping[str, Any]:
        """The mappings of the channel `alerts`, by destination."""
        people = self.channels[PEOPLE].destinations if PEOPLE in self.channels else ()
        return {f"{PEOPLE}.{one.name}": self.site.mappings[one.map] for one in people if one.map in self.site.mappings}

    @property
    def refused(self) -> bool:
        """Whether the set must not run."""
        return bool(errors(self.findings))


def deploy(settings: Settings, site: Site, known: Library | None = None, written: Written | None = None) -> Deployment:
    """Reads both folders, unless what was `written` is given, and compiles what they hold, mappings that are `known` not again; a file
    that cannot be read refuses the set. Starts nothing."""
    try:
        files = written or gather(settings.channels, settings.mappings, ("alerts", *plugins("folders")))
        return _deploy(settings, site, known, files)
    except OSError as error:
        help = "the engine's user must be able to read its channels and mappings"
        found = Diagnostic("E228", f"the file cannot be read: {error.strerror}", Span(str(error.filename or "")), help)
        empty = MappingProxyType[str, Any]({})
        return Deployment(empty, empty, Library(empty, empty, (), empty), site, (found,), "")


def _deploy(settings: Settings, site: Site, known: Library | None, written: Written) -> Deployment:
    tools = installed()
    library = load_files(written.mappings, tools, settings.mappings.name, known)
    found: list[Diagnostic] = []
    folder = settings.channels.name
    texts = {f"{folder}/{name}": raw.decode("utf-8", "replace") for name, raw in written.channels.items()}
    rules = _rules(written, folder, tools.models["fhir"].resources(), found)
    site = replace(site, mappings=library.mappings, rules=rules)
    kinds = Kinds(plugins("sources"), plugins("steps"), plugins("destinations"), plugins("stores"), formats())
    channels: dict[str, Channel] = {}
    plans: dict[str, Plan] = {}
    for name in written.inside():
        shown = f"{folder}/{name}"
        channel, wrong = read_channel(written.channels[name], shown, kinds, os.environ)
        found += wrong
        if channel is None or not channel.enabled:
            continue
        if channel.name in channels:
            found.append(
                Diagnostic("E227", f"the channel {channel.name} stands in {channels[channel.name].file} already", Span(shown))
            )
            continue
        plan, wrong = compile_channel(channel, Tools(tools, library, site))
        found += wrong
        channels[channel.name] = channel
        if plan is not None:
            plans[channel.name] = plan
    folders = _folders(written, folder, found)
    found += written.passed
    routes = [route for channel in channels.values() for route in _routes(channel, found)]
    found += check_feeds(channels)
    found += _listening(channels)
    gone = library.gone | declared(texts, found)
    if absent("channel", PEOPLE) not in gone:
        _people(rules, {route.name for route in routes}, found, texts)
    found += _followed(channels, {route.name for route in routes}, gone)
    if PEOPLE in channels:
        found += _notices(channels[PEOPLE], library.mappings)
    findings = (*library.diagnostics, *sourced((one for one in found if one.text not in gone), texts))
    digest = sha256(" ".join(sorted(plan.digest for plan in plans.values())).encode()).hexdigest()[:16]
    return Deployment(
        MappingProxyType(channels), MappingProxyType(plans), library, site, findings, digest, tuple(routes), folders, written
    )


def _rules(written: Written, folder: str, types: Sequence[str], found: list[Diagnostic]) -> Mapping[str, Rule]:
    """The alert rules of the channels' folder `alerts`."""
    condition = plugins("conditions")["fhir"]
    rules: dict[str, Rule] = {}
    for name in written.inside("alerts"):
        shown = f"{folder}/{name}"
        rule, wrong = read_rule(written.channels[name], shown, condition, os.environ, types)
        found += wrong
        if rule is not None and rule.name in rules:
            found.append(Diagnostic("E227", f"the rule {rule.name} stands in {rules[rule.name].file} already", Span(shown)))
        elif rule is not None and rule.enabled:
            rules[rule.name] = rule
    return MappingProxyType(rules)


def _folders(written: Written, folder: str, found: list[Diagnostic]) -> Mapping[str, Mapping[str, Any]]:
    """The files of plug-ins' own folders beside the channels, each a value with a name of its own."""
    values: dict[str, Mapping[str, Any]] = {}
    for name, read in sorted(plugins("folders").items()):
        held: dict[str, Any] = {}
        for file in written.inside(name):
            shown = f"{folder}/{file}"
            value, wrong = read(written.channels[file], shown)
            found += wrong
            if value is None:
                continue
            twin = next((stem for stem, other in held.items() if other.name == value.name), None)
            if twin is not None:
                found.append(Diagnostic("E227", f"{value.name} stands in {folder}/{name}/{twin}.yaml already", Span(shown)))
            held[PurePosixPath(file).stem] = value
        values[name] = MappingProxyType(held)
    return MappingProxyType(values)


def _routes(channel: Channel, found: list[Diagnostic]) -> Iterator[Route]:
    """Where a channel's parcels go."""
    for one in channel.destinations:
        if one.to.name.endswith("_store") or getattr(one.to.plugin, "feeds", False):
            continue
        schedule = parse(one.retry)
        if isinstance(schedule, Fault):
            found.append(Diagnostic(schedule.code, schedule.text, one.retry_at, schedule.help))
        else:
            yield Route(f"{channel.name}.{one.name}", one.to.plugin, schedule, side_by_side(one.to.plugin))


def _people(rules: Mapping[str, Rule], routes: set[str], found: list[Diagnostic], texts: Mapping[str, str]) -> None:
    """Whom the rules tell must be destinations of the channel `alerts`."""
    for rule in rules.values():
        for name in (*rule.notify, *rule.escalate_to):
            if f"{PEOPLE}.{name}" not in routes:
                help = "notices go to the destinations of the channel `alerts`: add one of this name there"
                found.append(Diagnostic("E754", f"nobody is called {name}", _named(name, rule.file, texts[rule.file]), help))


def _named(name: str, file: str, text: str) -> Span:
    """Where a rule names whom it tells."""
    for number, line in enumerate(text.splitlines(), 1):
        there = re.search(rf"(?<![\w-]){re.escape(name)}(?![\w-])", line)
        if there is not None and not line.startswith("alert:"):
            return Span(file, number, there.start() + 1, len(name))
    return Span(file)


def _listening(channels: Mapping[str, Channel]) -> Iterator[Diagnostic]:
    """Two channels cannot listen on one address; port 0 is any that is free."""
    taken: list[tuple[str, str, str]] = []
    for channel in channels.values():
        host, _, port = str(getattr(channel.source, "listen", "")).removeprefix("tcp:").rpartition(":")
        if port in ("", "0"):
            continue
        for other, there in ((name, on) for name, on, at in taken if at == port and (on == host or {on, host} & EVERYWHERE)):
            text = f"the channel {other} listens on {there or 'all addresses'}:{port} already"
            yield Diagnostic("E229", text, Span(channel.file), "give it an address of its own")
        taken.append((channel.name, host, port))


def _followed(channels: Mapping[str, Channel], routes: set[str], gone: AbstractSet[str]) -> Iterator[Diagnostic]:
    """A destination that speaks of another one's deliveries (`follows`) must name one that is there."""
    for one in (one for channel in channels.values() for one in channel.destinations):
        name = getattr(one.to.plugin, "follows", "")
        if name and name not in routes and absent("channel", name.partition(".")[0]) not in gone:
            yield Diagnostic("E767", f"there is no destination {name}", one.at, did_you_mean(name, routes))


def _notices(people: Channel, mappings: Mapping[str, Any]) -> Iterator[Diagnostic]:
    """Who is told must be able to read it: an alert as JSON, or what a mapping of alerts to messages makes of it."""
    for one in people.destinations:
        mapping = mappings.get(one.map)
        if getattr(one.to.plugin, "takes", "") and not one.map:
            yield Diagnostic("E768", f"{one.to.name} takes messages, and a notice is none", one.at, "map: alert_to_oru_r01")
        elif mapping is not None and (mapping.reads != ("fhir", "DetectedIssue") or mapping.writes.startswith("fhir")):
            yield Diagnostic("E768", f"{one.map} makes no message of an alert", one.at, "one that reads fhir DetectedIssue")


def dry_site(settings: Settings) -> Site:
    """A site for checking only: nothing runs behind it."""
    return Site(formats(), {}, {"data": str(settings.data)}, lambda: datetime.now(UTC), uuid7)
