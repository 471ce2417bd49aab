"""The journal: what was received is on disk before it is acknowledged, worked in order, and never lost."""

from engine.journal.committer import Committer
from engine.journal.groups import Limits
from engine.journal.journal import BOTH, Journal
from engine.journal.look import Filter, Found, Happened, Shown
from engine.journal.values import Fenced, Settlement

__all__ = ["BOTH", "Committer", "Fenced", "Filter", "Found", "Happened", "Journal", "Limits", "Settlement", "Shown"]
