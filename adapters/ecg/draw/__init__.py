"""The 12-lead page as a cardiologist expects it: geometry in millimetres, then SVG or PDF of it."""

from adapters.ecg.draw.page import Options, page
from adapters.ecg.draw.pdf import pdf
from adapters.ecg.draw.svg import svg

__all__ = ["Options", "page", "pdf", "svg"]
