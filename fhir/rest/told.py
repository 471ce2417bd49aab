"""What follows from a write over REST, inside its transaction: channels that watch get their messages, Subscriptions take effect,
and whoever is subscribed is told.
"""

from __future__ import annotations

from collections.abc import Callable

from engine.types import Connection, Site
from fhir.rest.watch import After, Results, watcher, written
from fhir.subscribe.desk import desk
from fhir.subscribe.settle import settle


def following(site: Site) -> After:
    """The function a committer calls with its results before it commits; what that returns is called afterwards."""
    watch, told = watcher(site), desk(site)

    def after(connection: Connection, results: Results) -> Callable[[], None] | None:
        calls = [watch(connection, results)] if watch is not None else []
        asked, others = False, []
        for result, base in results:
            for one in written(result):
                if one.type == "Subscription":
                    asked = True
                    calls += settle(told, connection, [one], base)
                else:
                    others.append(one)
        if others:
            calls.append(told.written(connection, others))
        if asked:
            calls += [told.stale, told.stir]
        wanted = [call for call in calls if call is not None]

        def committed() -> None:
            for call in wanted:
                call()

        return committed if wanted else None

    return after
