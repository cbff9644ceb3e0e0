from random import Random

import pytest

from callmesh.clock import AHEAD, HybridClock

HUB_TIME = 1_000_000_000


def test_what_follows_a_time_that_was_seen_is_given_out_once() -> None:
    """[S2] Whatever the hub's clock says: it takes what follows."""
    clock = HybridClock()
    clock.set_by(HUB_TIME, HUB_TIME)
    clock.saw(HUB_TIME + 2 * AHEAD)
    first = clock.stamp(HUB_TIME)
    clock.set_by(HUB_TIME, HUB_TIME)  # a pong
    assert [first, clock.stamp(HUB_TIME)] == [HUB_TIME + 2 * AHEAD + 1, HUB_TIME + 2 * AHEAD + 2]


def test_what_no_hub_takes_counts_no_longer() -> None:
    """[S17]"""
    clock = HybridClock()
    clock.stamp(HUB_TIME)
    clock.stamp(HUB_TIME + 3_600_000_000)
    clock.set_by(HUB_TIME + 5, HUB_TIME + 3_600_000_001)
    assert clock.stamp(HUB_TIME + 3_600_000_002) == HUB_TIME + 6


def test_what_was_followed_while_the_clock_was_far_ahead_is_not_given_out() -> None:
    """[S2, S17] Once the hub has set it: what one wrote before a restart has that time."""
    clock = HybridClock()
    clock.stamp(HUB_TIME + 3_600_000_000)  # an hour ahead, before the hub has said anything
    clock.follow(HUB_TIME + 50)
    clock.follow(HUB_TIME + 3_000_000_000)
    clock.follow(HUB_TIME + 40)
    clock.set_by(HUB_TIME, HUB_TIME + 3_600_000_000)
    assert clock.stamp(HUB_TIME + 3_600_000_050) == HUB_TIME + 51


@pytest.mark.parametrize("seed", range(100))
def test_no_time_that_a_hub_takes_is_given_out_twice(seed: int) -> None:
    """[S2, S17] However the clock here is set, and whatever is followed meanwhile."""
    random, clock, given, hub = Random(seed), HybridClock(), {0}, HUB_TIME
    skew = 0
    for _ in range(200):
        hub += random.choice((0, 1, 2, 1_000))
        act = random.randrange(6)
        if act == 0:
            skew = random.choice((0, 0, 3_600_000_000, 60_000_000, 5, -1_000))
        elif act == 1:
            clock.set_by(hub, hub + skew)
        elif act == 2:
            clock.follow(time := hub + random.choice((-3, 0, 1, 4, 2_000_000, 60_000_000)))
            given.add(time)
        else:
            time = clock.stamp(hub + skew)
            assert time not in given or time > hub + AHEAD, f"seed {seed}"
            given.add(time)
