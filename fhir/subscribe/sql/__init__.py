"""The statements of subscriptions, one file each, by name."""

from functools import cache
from importlib.resources import files


@cache
def sql(name: str) -> str:
    """The text of `name`.sql."""
    return files(__name__).joinpath(f"{name}.sql").read_text(encoding="utf-8")
