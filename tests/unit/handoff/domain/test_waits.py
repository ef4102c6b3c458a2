"""How long a place in the queue takes: from what was seen, or not told at all."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handoff.domain.commands import ReleaseLease, RequestHuman, ReturnToBot
from handoff.domain.conversation import Conversation
from handoff.domain.events import CUSTOMER, SYSTEM
from handoff.domain.waits import TOLD_FROM, Pickup, pickup_of, wait_range
from tests.unit.handoff.domain.story import ANNA, BEN, Story

START = 1_700_000_000_000


def busy(*moves_s: int) -> list[Pickup]:
    """Pick-ups of a queue that is never empty: each is `moves_s` after the one before."""
    at = START
    found = [Pickup(at, at)]
    for move in moves_s:
        at += move * 1000
        found.append(Pickup(at, START))
    return found


def test_too_few_pick_ups_tell_nothing() -> None:
    assert wait_range([], 1) is None
    assert wait_range(busy(*[30] * (TOLD_FROM - 1)), 1) is None
    assert wait_range(busy(*[30] * TOLD_FROM), 1) is not None


def test_the_next_one_waits_for_the_middle_half_of_recent_moves() -> None:
    assert wait_range(busy(10, 20, 30, 40, 50, 60, 70, 80), 1) == (30, 70)


@pytest.mark.parametrize(("position", "expected"), [(1, (60, 61)), (2, (120, 121)), (7, (420, 421))])
def test_a_place_further_back_waits_as_many_moves_longer(position: int, expected: tuple[int, int]) -> None:
    assert wait_range(busy(*[60] * 6), position) == expected


def test_a_far_place_is_not_told_from_a_part_of_the_moves() -> None:
    """Quick ones are the rule and a slow one comes in between: far back, it comes for certain."""
    range_ = wait_range(busy(10, 10, 10, 10, 600), 5)
    assert range_ == (640, 641)


def test_quiet_hours_are_not_slowness() -> None:
    pickups = [Pickup(START + n * 3_600_000, START + n * 3_600_000 - 20_000) for n in range(TOLD_FROM + 1)]
    assert wait_range(pickups, 1) == (20, 21)


def test_two_agents_who_take_at_once_are_two_moves() -> None:
    pickups = [Pickup(START + 40_000 * (n // 2), START) for n in range(12)]
    assert wait_range(pickups, 2) == (40, 41)


@given(
    st.lists(st.tuples(st.integers(0, 10**8), st.integers(0, 10**7)), max_size=60, unique_by=lambda w: w[0]),
    st.integers(1, 200),
    st.randoms(),
)
def test_a_range_is_positive_and_does_not_depend_on_the_order_of_reading(
    waits: list[tuple[int, int]], position: int, chance: Random
) -> None:
    pickups = [Pickup(START + at, START + at - waited) for at, waited in waits]
    found = wait_range(pickups, position)
    if found is not None:
        assert 1 <= found[0] < found[1]
    chance.shuffle(pickups)
    assert wait_range(pickups, position) == found


def test_a_pick_up_is_a_wait_that_an_agents_coming_ended() -> None:
    story = Story().open()
    before = story.state
    story.do(CUSTOMER, RequestHuman())
    waiting = story.state
    assert pickup_of(before, waiting) is None
    story.now += 25_000
    story.claimed()
    assert pickup_of(waiting, story.state) == Pickup(story.now, story.now - 25_000)
    held = story.state
    story.do(SYSTEM, ReleaseLease(str(ANNA.id)))
    assert pickup_of(held, story.state) is None
    story.claimed(BEN)
    story.do(BEN, ReturnToBot())
    assert pickup_of(Conversation("c"), story.state) is None
