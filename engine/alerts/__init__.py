"""Alerts: a rule judges readings, a pure life turns judgements into an alert's changes, one transaction keeps both."""

from engine.alerts.keep import Effects, acknowledged, apply, elapse
from engine.alerts.rule import Rule, read_rule
from engine.alerts.signals import STEP, Alert, Signal

__all__ = ["STEP", "Alert", "Effects", "Rule", "Signal", "acknowledged", "apply", "elapse", "read_rule"]
