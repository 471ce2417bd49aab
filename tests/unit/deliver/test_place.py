"""Where a courier stands: it reads from the start again every second, unless that takes more than its share of the time."""

from __future__ import annotations

from engine.deliver.place import ANEW, LOOK, SHARE, Place


def test_a_short_queue_is_read_from_its_start_every_second() -> None:
    place = Place(100.0)
    place.moved(17, True, 0.001)
    assert place.after == 17
    assert not place.is_old(100.0 + LOOK / 2)
    assert place.is_old(100.0 + LOOK)
    place.anew(200.0)
    assert place.after == 0


def test_a_long_queue_is_read_from_its_start_for_its_share_of_the_time_only() -> None:
    place = Place(0.0)
    for page in range(1, 11):
        place.moved(page * 256, page == 10, 0.05)
    assert not place.is_old(SHARE * 0.5 - 0.1)
    assert place.is_old(SHARE * 0.5 + 0.1)


def test_reading_on_does_not_count_as_reading_from_the_start() -> None:
    place = Place(0.0)
    place.moved(5, True, 0.001)
    for number in range(6, 500):
        place.moved(number, True, 0.05)
    assert place.is_old(LOOK)


def test_a_queue_whose_end_is_not_reached_is_read_from_its_start_in_the_end() -> None:
    place = Place(0.0)
    place.moved(256, False, 0.001)
    assert not place.is_old(ANEW - 0.1)
    assert place.is_old(ANEW)
