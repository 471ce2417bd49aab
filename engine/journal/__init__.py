"""The journal: what was received is on disk before it is acknowledged, worked in order, and never lost."""

from engine.journal.committer import Committer, Limits
from engine.journal.journal import Journal
from engine.journal.values import Fenced, Settlement

__all__ = ["Committer", "Fenced", "Journal", "Limits", "Settlement"]
