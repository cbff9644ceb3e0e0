"""A call through links that are cut, delayed and stalled, and a hub that dies.

`make soak` runs many more schedules: SCHEDULES=20000.
"""

import os
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from callmesh.values import decode
from tests.schedules import ALL, PLAIN, Schedule
from tests.simulated import CALL_ID, STATE, World

SCHEDULES = int(os.environ.get("SCHEDULES", "1000"))


@settings(max_examples=SCHEDULES)
@given(st.integers(0, 2**32))
def test_random_schedules_converge(seed: int) -> None:
    """[S13, S7, S11, J13, J14, K4] Hypothesis prints the seed of one that does not."""
    Schedule(seed, ALL).run(150)


@settings(max_examples=SCHEDULES // 4)
@given(st.integers(0, 2**32))
def test_a_list_of_all_writes_agrees(seed: int) -> None:
    """[S1, S13] The oracle: sort what was taken. No crash and no rights in this one."""
    schedule = Schedule(seed, PLAIN)
    schedule.run(150)
    host = schedule.world.clients[0]
    assert host.view() == schedule.naive()


def test_schedules_that_once_failed() -> None:
    """[S13] Each found something: a `saved` that was never told to one whose write was denied after
    it had been overtaken (1, 42296); an answer after what came later (40983, 41170, 41197); what
    was taken back after a reload at the very time of something new (1149541).
    """
    for seed in (1, 2, 115, 4294, 40983, 41170, 41197, 42296, 1149541):
        Schedule(seed, ALL).run(150)


def on_disk(world: World) -> dict[str, object]:
    kept = world.storage.load(CALL_ID)
    assert kept is not None
    return {
        record.entry.key: decode(record.entry.value)
        for record in kept.records
        if record.state == STATE and not record.entry.deleted
    }


@settings(max_examples=200)
@given(st.integers(0, 2**32))
def test_what_was_saved_is_there_after_a_crash(seed: int) -> None:
    """[S13, L5] One writer, whose every write is followed until it is told saved."""
    random, world = Random(seed), World()
    writer = world.client("a")
    writer.add_resource()
    world.settle()
    for number in range(20):
        writer.set(f"k{number}", number)
        receipt = writer.mesh.receipt(STATE)
        for _ in range(random.randrange(8)):
            writer.step()
            if random.random() < 0.5:
                world.commit()
        told_saved = receipt.done
        if random.random() < 0.3:
            world.crash()
            assert not told_saved or f"k{number}" in on_disk(world)
            writer.connect()
    world.settle()
    assert len(writer.view()) == 20


def test_a_million_writes_cost_a_newcomer_what_one_costs() -> None:
    """[S14]"""
    few, many = bytes_to_newcomer(writes=20), bytes_to_newcomer(writes=20_000)
    assert (few.ledger, few.disk) == (many.ledger, many.disk) == (many.ledger, 20)
    assert abs(few.newcomer - many.newcomer) <= 40  # numbers grow by a byte


class Costs:
    def __init__(self, newcomer: int, ledger: int, disk: int) -> None:
        self.newcomer, self.ledger, self.disk = newcomer, ledger, disk


def bytes_to_newcomer(*, writes: int) -> Costs:
    world = World()
    writer = world.client("a")
    writer.add_resource()
    for number in range(writes):
        world.now += 1000
        writer.set(f"k{number % 20}", number % 100)
        if number % 50 == 49:
            writer.set("gone", number)
            writer.set("gone", ...)
            world.settle()
    world.call.ledger.collect(world.now + 1)
    world.settle()
    newcomer = world.client("b")
    world.settle()
    assert newcomer.view() == writer.view()
    return Costs(newcomer.bytes_received, len(world.call.ledger), len(on_disk(world)))
