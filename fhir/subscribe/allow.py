"""Which endpoints may be told: exactly the origins on a list, nothing by default.

An entry is `https://ehr.example.org`, or a host alone, which means the same; `http://…` only where plain HTTP is meant. Scheme, host
and port must be equal: no prefixes, no wildcards. What an allowed name resolves to is checked once more when it is called.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from engine.fault import Fault, Kind

PORTS = {"http": 80, "https": 443}
HOST = re.compile(r"[a-z0-9](?:[a-z0-9._-]{0,251}[a-z0-9])?|[0-9a-f:.]{2,45}")
LONGEST = 2000
AT = "Subscription.channel.endpoint"
Origin = tuple[str, str, int]


@dataclass(frozen=True, slots=True)
class Allowed:
    """The origins that may be called, and the networks their names may resolve to though they are not public."""

    origins: frozenset[Origin] = frozenset()
    networks: tuple[str, ...] = ()

    def check(self, endpoint: str) -> Fault | None:
        """Why an endpoint may not be told; None when it may."""
        found = origin(endpoint)
        if found is None:
            help = "for example https://ehr.example.org/hook; no user, no fragment"
            return Fault(Kind.INCORRECT, "E591", "the endpoint is no address that can be called", AT, help)
        if found not in self.origins:
            help = "the operator names its scheme, host and port in ISTHMUS_SUBSCRIPTION_HOSTS"
            return Fault(Kind.FORBIDDEN, "E592", "this endpoint's host is not on the list of those that may be told", AT, help)
        return None


def origin(url: str) -> Origin | None:
    """Scheme, host in lower case, and port; None where a URL is not plainly one."""
    if len(url) > LONGEST or not url.isascii() or not url.isprintable() or " " in url or "\\" in url:
        return None
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return None
    host = (parts.hostname or "").lower()
    if parts.scheme not in PORTS or not HOST.fullmatch(host) or "@" in parts.netloc or parts.fragment or port == 0:
        return None
    return parts.scheme, host, port or PORTS[parts.scheme]


def allowed(hosts: Sequence[str], networks: Sequence[str] = ()) -> Allowed | Fault:
    """The list as the operator writes it."""
    found = set()
    for text in hosts:
        one = origin(text if "://" in text else f"https://{text}")
        if one is None or urlsplit(text if "://" in text else f"https://{text}").path.strip("/"):
            help = "for example ISTHMUS_SUBSCRIPTION_HOSTS='https://ehr.example.org, http://10.1.2.3:8080'"
            return Fault(Kind.INCORRECT, "E594", "the list of endpoints' hosts holds what is no host", text[:100], help)
        found.add(one)
    return Allowed(frozenset(found), tuple(networks))
