"""Hear everybody in a call, and show a picture that is as bright as they are loud."""

import array
import asyncio
import sys

from aiortc import VideoStreamTrack
from av import AudioFrame, VideoFrame

import callmesh
from callmesh.media import Frames


class Meter(VideoStreamTrack):
    level = 0.0  # to 1

    async def recv(self) -> VideoFrame:
        await self.next_timestamp()  # 30 a second
        frame = VideoFrame(320, 240, "gray")
        frame.planes[0].update(bytes([int(255 * self.level)]) * (320 * 240))
        return frame

    async def hear(self, frames: Frames[AudioFrame]) -> None:
        async for frame in frames:  # 20 ms, stereo, 16 bits
            self.level = max(0, *array.array("h", bytes(frame.planes[0]))) / 32768


async def main(url: str) -> None:
    async with callmesh.join(url, name="Meter", media=True, receives=["audio"]) as call:
        call.media.send(meter := Meter())
        async with asyncio.TaskGroup() as tasks:
            async for frames in call.media.incoming("audio"):
                tasks.create_task(meter.hear(frames))


asyncio.run(main(sys.argv[1]))
