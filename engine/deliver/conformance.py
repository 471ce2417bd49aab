"""What every destination must do, as tests that a plug-in's own suite takes over (pytest or any runner of `test_` methods).

    class TestMine(Conformance):
        @asynccontextmanager
        async def far(self) -> AsyncIterator[Far]:
            ...                       # a real peer on loopback

A far side behaves as it is told: `accept`, `refuse` (for good), `fail` (for now), `hang`, `close` (without an answer) and `flood` (an
answer without end). Those that cannot happen to a destination are left out of `behaviours`.
"""

from __future__ import annotations

import asyncio
import dataclasses
import inspect
import typing
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime
from typing import Any, Protocol
from uuid import uuid4

from engine.fault import Fault
from engine.types import Parcel, Sender, Site

CANARY = "Canary-Patient-7301"  # stands in every parcel, and may stand in no fault
LARGEST = 64 * 1024  # characters of a receipt
SECONDS = 20.0  # the longest a try may take; a plug-in under test is given a time limit far below


class Far(Protocol):
    """A far side."""

    destination: Any  # the plug-in, pointed at it, its time limits a second or less

    def behave(self, how: str) -> None:
        """From now on: accept, refuse, fail, hang, close or flood."""
        ...

    def effects(self) -> list[str]:
        """What it has taken, one entry for each effect."""
        ...


class Conformance:
    """The tests. `keyed` is False where the far side's protocol has no way to tell a repeated parcel."""

    plugin: type
    keyed = True
    behaviours: tuple[str, ...] = ("refuse", "fail", "hang", "close", "flood")

    def far(self) -> AbstractAsyncContextManager[Far]:
        """A far side that accepts."""
        raise NotImplementedError

    def parcel(self, number: int) -> Parcel:
        """A parcel of its own key, with the canary in its body."""
        raise NotImplementedError

    def site(self) -> Site:
        """What the plug-in is opened with."""
        return Site({}, {}, {}, lambda: datetime.now(UTC), uuid4)

    def run(self, what: Callable[[Far, Sender], Awaitable[Any]]) -> Any:
        """Opens the destination, does something with it, closes it, and looks whether anything is left."""

        async def main() -> Any:
            async with self.far() as far:
                sender = await far.destination.open(self.site())
                assert not isinstance(sender, Fault), sender
                async with asyncio.timeout(SECONDS):
                    found = await what(far, sender)
                before = asyncio.all_tasks()
                await sender.close()
                await sender.close()
                assert asyncio.all_tasks() <= before, "a task was started by closing"
                return found

        return asyncio.run(main())

    def after(self, how: str) -> tuple[Any, list[str]]:
        """What a try gives while the far side behaves so, and the effects after a second try once it accepts again."""

        async def what(far: Far, sender: Sender) -> tuple[Any, list[str]]:
            far.behave(how)
            first = await sender.send(self.parcel(1))
            far.behave("accept")
            again = await sender.send(self.parcel(1))
            assert not isinstance(again, Fault), f"after {how} it does not come back: {again}"
            return first, far.effects()

        found: tuple[Any, list[str]] = self.run(what)
        return found

    def passing(self, how: str) -> None:
        """A trouble that may pass is a fault that is tried again, tells nothing of the patient, and has one effect in the end."""
        if how not in self.behaviours:
            return
        first, effects = self.after(how)
        assert isinstance(first, Fault), first
        assert first.kind.answer.retry, f"{first} would be given up"
        assert CANARY not in repr(first)
        assert len(effects) == 1 or not self.keyed, effects

    def test_it_delivers_and_gives_a_receipt(self) -> None:
        async def what(far: Far, sender: Sender) -> tuple[Any, list[str]]:
            return await sender.send(self.parcel(1)), far.effects()

        receipt, effects = self.run(what)
        assert isinstance(receipt, dict), receipt
        assert len(effects) == 1

    def test_a_repeated_parcel_has_one_effect(self) -> None:
        async def what(far: Far, sender: Sender) -> list[str]:
            for _ in range(3):
                assert not isinstance(await sender.send(self.parcel(1)), Fault)
            return far.effects()

        if self.keyed:
            assert len(self.run(what)) == 1

    def test_parcels_of_different_keys_may_leave_side_by_side(self) -> None:
        async def what(far: Far, sender: Sender) -> tuple[list[Any], list[str]]:
            return await asyncio.gather(*(sender.send(self.parcel(n)) for n in range(1, 7))), far.effects()

        receipts, effects = self.run(what)
        assert not [one for one in receipts if isinstance(one, Fault)]
        assert len(set(effects)) == 6

    def test_a_refusal_for_good_is_not_tried_again(self) -> None:
        if "refuse" not in self.behaviours:
            return
        first, effects = self.after("refuse")
        assert isinstance(first, Fault), first
        assert not first.kind.answer.retry, f"{first} would be tried again"
        assert CANARY not in repr(first)
        assert len(effects) == 1

    def test_a_far_side_that_fails_is_tried_again(self) -> None:
        self.passing("fail")

    def test_a_far_side_that_hangs_is_tried_again(self) -> None:
        self.passing("hang")

    def test_a_far_side_that_closes_without_an_answer_is_tried_again(self) -> None:
        self.passing("close")

    def test_an_answer_without_end_is_not_read_to_its_end(self) -> None:
        if "flood" not in self.behaviours:
            return
        first, effects = self.after("flood")
        assert len(repr(first)) < LARGEST
        assert CANARY not in repr(first)
        assert len(effects) == 1 or not self.keyed

    def test_a_try_that_is_cancelled_leaves_the_way_usable(self) -> None:
        async def what(far: Far, sender: Sender) -> list[str]:
            far.behave("hang")
            task = asyncio.create_task(sender.send(self.parcel(1)))
            await asyncio.sleep(0.1)
            task.cancel()
            await asyncio.wait([task])
            far.behave("accept")
            assert not isinstance(await sender.send(self.parcel(1)), Fault)
            return far.effects()

        if "hang" in self.behaviours:
            assert len(self.run(what)) == 1 or not self.keyed

    def test_its_options_are_those_of_a_frozen_dataclass_and_each_is_explained(self) -> None:
        kind = self.plugin
        assert dataclasses.is_dataclass(kind)
        assert kind.__dataclass_params__.frozen  # type: ignore[attr-defined]
        assert inspect.getdoc(kind)
        from engine.cli.list import options  # noqa: PLC0415

        assert typing.get_type_hints(kind)
        unexplained = [row["option"] for row in options(kind) if not row["meaning"]]
        assert not unexplained, f"no meaning stands beside {unexplained}"
