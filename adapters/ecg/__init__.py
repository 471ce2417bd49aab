"""ECG files in and out: one reader a format, one `Recording` for all of them."""

from adapters.ecg.formats import read
from adapters.ecg.holter import Trends
from adapters.ecg.holter import read as read_trends
from adapters.ecg.recording import Recording

__all__ = ["Recording", "Trends", "read", "read_trends"]
