"""The Python half of the timer: it counts while the owner, whose page counts, is not here.

    callmesh serve --dev --apps examples/timer

The hub runs it, for each timer once.
"""

import asyncio
from collections.abc import Callable

import callmesh

app = callmesh.App("timer")
ends: list[Callable[[], None]] = []
"""What ends what `setup` has begun."""


@app.setup
def setup(resource: callmesh.Resource) -> None:
    end()  # setup comes again after a re-sync
    counting: list[asyncio.Task[None]] = []

    def owner(here: bool) -> None:
        while counting:
            counting.pop().cancel()
        if not here:
            counting.append(asyncio.create_task(count(resource)))

    ends.extend([resource.on_owner(owner), lambda: owner(here=True)])


async def count(resource: callmesh.Resource) -> None:
    while True:
        await asyncio.sleep(1)
        resource.state["seconds"] += 1


@app.remove
def remove(resource: callmesh.Resource) -> None:
    end()


def end() -> None:
    while ends:
        ends.pop(0)()
