"""ECG files in and out: one reader a format, one `Recording` for all of them."""

from adapters.ecg.formats import read
from adapters.ecg.recording import Recording

__all__ = ["Recording", "read"]
