"""A program that takes one file: `python -m tests.file_taker CALL FOLDER [KEEP]`. Says how it went.

With KEEP it is the same person each time.
"""

import asyncio
import os
import sys
from pathlib import Path

import callmesh


def resident() -> int:
    """Bytes of memory that this process has now."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


async def main(url: str, folder: str, keep: str | None = None) -> None:
    async with callmesh.join(url, name="Bob", keep=keep) as bob:
        (shelf,) = bob.resources.values()
        offer = await anext(aiter(shelf.files.offers()))
        before = most = resident()
        saving = asyncio.create_task(offer.save(folder))
        while not (saving.done() or offer.received):  # noqa: ASYNC110 - the very first that is seen
            await asyncio.sleep(0)
        began = offer.received
        while not saving.done():
            await asyncio.wait([saving], timeout=0.05)
            most = max(most, resident())
        print(saving.result(), most - before, began, flush=True)
        await asyncio.sleep(1)  # the sender may ask again


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
