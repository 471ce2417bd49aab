"""Alerts: a rule judges readings, a pure life turns judgements into an alert's changes, one transaction keeps both."""
