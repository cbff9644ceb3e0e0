"""Four participants and a hub that dies, through links that are cut, delayed and stalled."""

from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from callmesh.values import decode
from tests.simulated import CALL_ID, STATE, Client, World, random_step

HOUR = 3_600_000_000


def check_schedule(seed: int, steps: int = 150) -> None:
    random, world = Random(seed), World()
    for name, skew in (("a", 0), ("b", 0), ("c", HOUR), ("d", -HOUR)):
        world.client(name, skew=skew)
    world.clients[0].add_resource()
    world.settle()
    for _ in range(steps):
        random_step(world, random)
    world.settle()
    first = world.clients[0].view()
    assert "closed" not in first, "a denied write was seen by somebody else"
    for client in world.clients:
        assert client.view() == first
        assert client.mesh.unsaved == 0
        assert all(receipt.done for receipt in client.receipts), "somebody would wait for ever"
        assert folded(client) == first
    assert on_disk(world) == first


def folded(client: Client) -> dict[str, object]:
    """What somebody sees who only listened to change events; each old value must be the last."""
    seen: dict[str, object] = {}
    for change in client.changes:
        if change.state == STATE:
            for key, changed in change.keys.items():
                old = None if changed.old is None else decode(changed.old)
                assert seen.get(key) == old
                if changed.new is None:
                    seen.pop(key)
                else:
                    seen[key] = decode(changed.new)
    return seen


def on_disk(world: World) -> dict[str, object]:
    kept = world.storage.load(CALL_ID)
    assert kept is not None
    return {
        record.entry.key: decode(record.entry.value)
        for record in kept.records
        if record.state == STATE and not record.entry.deleted
    }


@settings(max_examples=500)
@given(st.integers(0, 2**32))
def test_random_schedules_converge(seed: int) -> None:
    """[S13] Hypothesis prints the seed of one that does not."""
    check_schedule(seed)


def test_schedules_that_once_failed() -> None:
    """[S13] A link whose cursor fell behind a collected tombstone; `saved` that was never told."""
    for seed in (2, 115, 4294):
        check_schedule(seed, steps=200)


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
