"""Does in its own process what tests tell it to, by the state of its resource."""

import asyncio
import os
import subprocess
import sys
import time

import callmesh

app = callmesh.App("crasher")


@app.setup
def setup(resource: callmesh.Resource) -> None:
    state = resource.state
    starts = state.get("half/starts", 0) + 1
    state.update({"half/starts": starts, "half/pid": os.getpid(), "half/resource": resource.id})

    def owner(here: bool) -> None:
        state["half/owner_here"] = here

    resource.on_owner(owner)
    if state.get("crash") == "at once":
        raise ValueError("it crashes at once")

    def changed(change: callmesh.StateChange) -> None:
        match state.get("do"):
            case "raise":
                raise ValueError("a listener raises this")
            case "crash":
                asyncio.create_task(crash())  # noqa: RUF006
            case "hang":
                time.sleep(1_000)
            case "child":
                sleeper = [sys.executable, "-c", "import time; time.sleep(1000)"]
                state["half/child"] = subprocess.Popen(sleeper).pid
            case "print":
                print("it prints this")

    state.listen(changed, key="do")


async def crash() -> None:
    raise ValueError("it was told to crash")


@app.remove
def remove(resource: callmesh.Resource) -> None:
    print("it was removed")
