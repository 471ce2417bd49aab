"""What the database knows about the engine's work, looked up for metrics a few times a minute at most."""

from engine.gauges.collect import Gauges

__all__ = ["Gauges"]
