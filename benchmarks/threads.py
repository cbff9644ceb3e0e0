"""What a main thread of Chromium does, by its own account."""

from dataclasses import dataclass
from pathlib import Path

from playwright.async_api import CDPSession, Frame

from tests.browser.people import Person

SCRIPT = (Path(__file__).parent / "callpage.js").read_text()
"""Counts the long tasks of every document that it runs in first."""


@dataclass(slots=True)
class Costs:
    """What one main thread did; seconds and counts."""

    seconds: float
    busy: float
    script: float
    layouts: float
    layout: float
    styles: float
    style: float
    long: float
    """Tasks of more than 50 ms."""
    heap: float
    """Bytes by which the heap grew."""


class Thread:
    """The main thread of a page, or of a frame, which has a process of its own."""

    def __init__(self, session: CDPSession, frame: Frame) -> None:
        self._session = session
        self.frame = frame
        self._before: dict[str, float] = {}
        self._long = 0

    @classmethod
    async def of(cls, frame: Frame) -> "Thread":
        top = frame.parent_frame is None
        session = await frame.page.context.new_cdp_session(frame.page if top else frame)
        await session.send("Performance.enable")
        await session.send("HeapProfiler.enable")
        return cls(session, frame)

    async def _now(self) -> dict[str, float]:
        said = await self._session.send("Performance.getMetrics")
        return {metric["name"]: metric["value"] for metric in said["metrics"]}

    async def collect(self) -> None:
        await self._session.send("HeapProfiler.collectGarbage")

    async def begin(self) -> None:
        await self.collect()
        self._long = await self.frame.evaluate("window.watch.long")
        self._before = await self._now()

    async def end(self) -> Costs:
        after = await self._now()
        await self.collect()
        heap = (await self._now())["JSHeapUsedSize"] - self._before["JSHeapUsedSize"]
        found = {name: value - self._before[name] for name, value in after.items()}
        long = await self.frame.evaluate("window.watch.long") - self._long
        return Costs(
            found["Timestamp"], found["TaskDuration"], found["ScriptDuration"],
            found["LayoutCount"], found["LayoutDuration"],
            found["RecalcStyleCount"], found["RecalcStyleDuration"], long, heap,
        )  # fmt: skip


async def frame_of(someone: Person, title: str) -> Frame:
    handle = await someone.page.wait_for_selector(f'iframe[title="{title}"]', state="attached")
    assert handle is not None
    frame = await handle.content_frame()
    assert frame is not None
    await frame.wait_for_function("() => window.monitor")
    return frame
