"""What authors of apps get for their tests: a call in memory, and a plugin of pytest."""

import re
from pathlib import Path

import pytest

from callmesh.errors import TimedOut
from callmesh.testing import MemoryHub

pytest_plugins = ["pytester"]
anyio = pytest.mark.anyio


@anyio
async def test_who_is_cut_off_comes_back_with_what_they_wrote() -> None:
    """[T7]"""
    async with MemoryHub() as hub, hub.join("Ada") as ada, hub.join("Bob") as bob:
        async with hub.partition(bob):
            ada.state["ada"] = 1
            bob.state["bob"] = 2
            await hub.settled()
            assert [bob.status, "bob" in ada.state, "ada" in bob.state] == ["offline", False, False]
        await hub.settled()
        assert dict(ada.state) == dict(bob.state)
        async with hub.join("Eve") as eve:
            await hub.settled()
            assert [eve.state["ada"], eve.state["bob"]] == [1, 2]


@anyio
async def test_who_is_slow_gets_the_newest_in_the_end() -> None:
    """[T7]"""
    async with MemoryHub() as hub, hub.join("Ada") as ada, hub.join("Bob") as bob:
        async with hub.slow(bob):
            for number in range(200):
                ada.state["n"] = number
                await ada.state.accepted()
            assert bob.state.get("n") is None
            with pytest.raises(TimedOut, match="Bob"):
                await hub.settled(timeout=0.1)
        await hub.settled()
        assert bob.state["n"] == 199


@anyio
async def test_a_hub_that_starts_anew_has_what_was_saved() -> None:
    """[T7]"""
    async with MemoryHub() as hub, hub.join("Ada") as ada, hub.join("Bob") as bob:
        ada.state["before"] = 1
        await ada.state.saved()
        await hub.restart()
        bob.state["after"] = 2
        await hub.settled()
        assert dict(ada.state) == dict(bob.state)
        assert {"before", "after"} <= set(ada.state)


@anyio
async def test_a_seed_takes_turns_in_the_same_way() -> None:
    """[T7] Who of many is told first is the same for the same seed, and another for others."""

    async def told(seed: int) -> list[str]:
        order: list[str] = []
        async with (
            MemoryHub(seed=seed) as hub,
            hub.join("Ada") as ada,
            hub.join("Bob") as bob,
            hub.join("Eve") as eve,
        ):
            await hub.settled()
            bob.state.listen(lambda _: order.append("Bob"))
            eve.state.listen(lambda _: order.append("Eve"))
            for number in range(20):
                ada.state["n"] = number
                await hub.settled()
        return order

    assert await told(1) == await told(1)
    assert len({tuple(await told(seed)) for seed in range(5)}) > 1


PAGE = Path(__file__).parent.parent / "docs" / "testing.md"
FAILS = """
def test_it(memory_hub):
    assert memory_hub() is None
"""


def test_the_plugin_gives_a_hub_and_says_its_seed(pytester: pytest.Pytester) -> None:
    """[T7] The test that the page shows, and one that fails."""
    [shown] = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    pytester.makepyfile(test_passes=shown, test_fails=FAILS)
    result = pytester.runpytest_subprocess("-k", "not trio")
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(["*pytest --callmesh-seed=* repeats it*"])
    again = pytester.runpytest_subprocess("--callmesh-seed=77", "test_fails.py")
    again.stdout.fnmatch_lines(["*--callmesh-seed=77*"])
