"""Replay a recorded ECG into a call, at its true rate, as a device at the bedside would send it.

    python examples/vitals_source.py http://127.0.0.1:8484/call/demo

Adds a vitals resource, or with --resource ID feeds one that is there. The call's page draws it.
"""

import argparse
import asyncio
import struct
from itertools import count
from pathlib import Path

import callmesh

RECORDING = Path(__file__).parent / "data" / "mitdb-208-mlii.i16"
RATE = 360
SOURCE = {"name": "MIT-BIH 208", "lead": "MLII", "rate": RATE, "unit": "µV", "scale": 5}
BLOCK = 18
"""Samples to a message: 20 messages a second."""


async def main(options: argparse.Namespace) -> None:
    samples = options.recording.read_bytes()
    async with callmesh.join(options.call, name="ECG monitor", role="guest") as call:
        if options.resource:
            vitals = await call.resources.get(options.resource)
        else:
            vitals = await call.resources.add("vitals", title=options.title)
            call.resources.show(vitals)
        vitals.state["source"] = SOURCE
        await vitals.state.saved()
        print(f"sending {SOURCE['name']} to {vitals.title} ({vitals.id}); Ctrl-C stops")
        ecg = vitals.stream("ecg", mode="reliable")
        loop = asyncio.get_running_loop()
        start = loop.time()
        for index in count(0, BLOCK):
            at = index * 2 % len(samples)
            await ecg.send(struct.pack("<I", index) + samples[at : at + BLOCK * 2])
            await asyncio.sleep(start + (index + BLOCK) / RATE - loop.time())


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("call", help="the call's address")
    parser.add_argument("--title", default="ECG", help="title of the resource (%(default)s)")
    parser.add_argument("--resource", metavar="ID", help="feed this one instead of adding one")
    parser.add_argument("--recording", type=Path, default=RECORDING, metavar="FILE")
    try:
        asyncio.run(main(parser.parse_args()))
    except KeyboardInterrupt:
        pass
    except callmesh.CallmeshError as error:
        raise SystemExit(f"vitals_source: {error}") from None
