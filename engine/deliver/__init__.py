"""Delivery: what a channel has produced reaches each destination, in order by key, retried by schedule, never lost."""

from engine.deliver.couriers import Couriers, Route
from engine.deliver.desk import dead, pause, paused, resume, revive, waiting
from engine.deliver.schedule import Schedule, parse

__all__ = ["Couriers", "Route", "Schedule", "dead", "parse", "pause", "paused", "resume", "revive", "waiting"]
