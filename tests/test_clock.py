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
