"""Processes that work messages: the listeners' process stores what comes, these claim, map and write it, on processors of their own.

What they share is the journal. Beside it runs one socket pair a process for what is not worth a look at the database: that there
is something to claim, that something is committed, a new deployment, a scrape of the metrics.
"""

from engine.workers.crew import Crew

__all__ = ["Crew"]
