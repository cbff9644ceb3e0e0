"""Two participants in one call: what one writes, the other sees, and so does who comes later."""

import asyncio
import sys

import callmesh


async def main(call: str) -> None:
    async with callmesh.join(call, name="Ada") as ada, callmesh.join(call, name="Bob") as bob:
        poll = await ada.resources.add("poll", title="Lunch?")
        poll.state["question"] = "Where to?"  # everybody, late joiners too
        await poll.state.saved()  # on the hub's disk
        poll.cache["zoom"] = 1.5  # mine alone
        poll.presence["cursor"] = [120, 80]  # while I am here

        seen = await bob.resources.get(poll.id)
        print(bob.me.name, "sees", dict(seen.state))

        vitals = await ada.resources.add("vitals")  # an app that asks for streams, as poll does not
        pen = (await bob.resources.get(vitals.id)).stream("pen", mode="latest")
        await vitals.stream("pen", mode="latest").send({"x": 1, "y": 2})  # peer to peer, no history
        message = await anext(aiter(pen))
        print("the pen is at", message.data)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        raise SystemExit("hello: say which call, as http://127.0.0.1:8484/call/hello")
    try:
        asyncio.run(main(sys.argv[1]))
    except callmesh.CallmeshError as error:
        raise SystemExit(f"hello: {error}") from None
