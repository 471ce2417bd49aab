"""Which web pages may open a socket here. Programs send no Origin and may; so does a page of this server's own address."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping, Sequence
from urllib.parse import urlsplit

from engine.fault import Fault, Kind


def origin(headers: Mapping[str, str], allowed: Sequence[str]) -> Fault | None:
    """Refuses a web page of another site (RFC 6455 section 10.2); programs send no Origin.

    A page of the engine's own address is let in when that address is an IP number or localhost: a name can be pointed at us
    by anyone who owns it (DNS rebinding), so names must be on the list.
    """
    given = headers.get("origin")
    if given is None:
        return None
    if given in allowed:
        return None
    try:
        page, host = urlsplit(given), headers.get("host", "")
        if page.scheme in ("http", "https") and page.netloc.lower() == host.lower() and _is_address(page.hostname or ""):
            return None
    except ValueError:
        pass
    text = "pages of this origin may not read the feed"
    return Fault(Kind.FORBIDDEN, "E757", text, "Origin", "name it in ISTHMUS_ORIGINS, such as https://ward.example.org")


def _is_address(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
