"""For pytest: a call in memory for the tests of apps, with a seed that a failure tells.

pytest finds it by itself where callmesh is installed. Needs something that runs asynchronous tests,
such as anyio or pytest-asyncio.
"""

import random
from collections.abc import Callable, Generator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from callmesh.testing import MemoryHub

SEED = pytest.StashKey[int]()


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("callmesh")
    group.addoption(
        "--callmesh-seed", type=int, metavar="N", help="the seed of `memory_hub`, from a failure"
    )


@pytest.fixture
def memory_hub(request: pytest.FixtureRequest) -> "Callable[..., MemoryHub]":
    """Makes a hub in memory: `async with memory_hub(apps=[Path("notes")]) as hub:`."""
    from callmesh.testing import MemoryHub

    given = request.config.getoption("--callmesh-seed")
    seed = random.randrange(2**32) if given is None else int(given)
    request.node.stash[SEED] = seed

    def make(**options: Any) -> MemoryHub:
        return MemoryHub(**{"seed": seed, **options})

    return make


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, Any, pytest.TestReport]:
    report: pytest.TestReport = yield
    if report.failed and SEED in item.stash:
        words = f"pytest --callmesh-seed={item.stash[SEED]} repeats it"
        report.sections.append(("callmesh", words))
    return report
