"""Tracks whose frames tell what they are, and what the frames tell that arrive."""

import array
import asyncio
import math
import time
from typing import Any

from aiortc import MediaStreamTrack
from aiortc.mediastreams import MediaStreamError
from av import AudioFrame, VideoFrame

from callmesh.media import Frames

Colour = tuple[int, int, int]
"""Y, U and V, as in what arrives."""
RED, GREEN, BLUE = (81, 90, 240), (145, 54, 34), (41, 240, 110)


class Paced(MediaStreamTrack):
    """Gives a frame every so often, as long as it lives."""

    def __init__(self, kind: str, every: float) -> None:
        super().__init__()
        self.kind = kind
        self._every = every
        self._next = time.monotonic()

    async def pace(self) -> None:
        self._next += self._every
        await asyncio.sleep(max(0, self._next - time.monotonic()))
        if self.readyState != "live":
            raise MediaStreamError


class Plain(Paced):
    """Video of one colour, without any time on its frames."""

    def __init__(self, colour: Colour, size: tuple[int, int] = (320, 240)) -> None:
        super().__init__("video", 1 / 20)
        self.colour, self.size = colour, size

    async def recv(self) -> VideoFrame:
        await self.pace()
        frame = VideoFrame(*self.size, "yuv420p")
        for plane, value in zip(frame.planes, self.colour, strict=True):
            plane.update(bytes([value]) * plane.buffer_size)
        return frame


class Tone(Paced):
    """A sine, mono or stereo, at any rate."""

    def __init__(self, hertz: float, rate: int = 48_000, layout: str = "mono") -> None:
        super().__init__("audio", 0.02)
        self._hertz, self._rate, self._layout = hertz, rate, layout
        self._at = 0

    async def recv(self) -> AudioFrame:
        await self.pace()
        samples, channels = self._rate // 50, 2 if self._layout == "stereo" else 1
        turn = 2 * math.pi * self._hertz / self._rate
        wave = array.array("h")
        for n in range(self._at, self._at + samples):
            wave.extend([int(12_000 * math.sin(turn * n))] * channels)
        self._at += samples
        frame = AudioFrame("s16", self._layout, samples)
        frame.planes[0].update(wave.tobytes())
        frame.sample_rate = self._rate
        return frame


def colour_of(frame: VideoFrame) -> Colour:
    """In the middle of it."""
    y, u, v = (bytes(p)[p.line_size * (p.height // 2) + p.width // 2] for p in frame.planes)
    return y, u, v


def is_close(one: Colour, other: Colour) -> bool:
    return max(abs(a - b) for a, b in zip(one, other, strict=True)) < 16


def left(frame: AudioFrame) -> "array.array[int]":
    """The samples of the first channel."""
    return array.array("h", bytes(frame.planes[0])[: frame.samples * 4])[::2]


def hertz_of(samples: "array.array[int]", rate: int = 48_000) -> float:
    """By how often it crosses zero upwards."""
    ups = [n for n in range(1, len(samples)) if samples[n - 1] < 0 <= samples[n]]
    return (len(ups) - 1) * rate / (ups[-1] - ups[0]) if len(ups) > 1 else 0.0


async def until_shown(frames: Frames[VideoFrame], colour: Colour) -> VideoFrame:
    async with asyncio.timeout(20):
        async for frame in frames:
            if is_close(colour_of(frame), colour):
                return frame
    raise AssertionError("they stopped")


async def until_heard(frames: Frames[AudioFrame], hertz: float) -> AudioFrame:
    """Half a second of it, and nothing else."""
    heard: list[AudioFrame] = []
    async with asyncio.timeout(20):
        async for frame in frames:
            heard = [*heard[-24:], frame]
            samples = sum((left(one) for one in heard), array.array("h"))
            if len(heard) == 25 and abs(hertz_of(samples) - hertz) < 5:
                return frame
    raise AssertionError("they stopped")


async def until_over(frames: Frames[Any]) -> None:
    async with asyncio.timeout(20):
        async for _ in frames:
            pass
