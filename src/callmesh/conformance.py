"""The traps that apps fall into, each looked for with people at real browsers.

T1 It starts, for a host and a guest.
T2 `setup` may run again: after a reload, and for who comes late, it starts, and its State stays.
T3 After `disable` comes `enable`: what was sent before it was out of view is sent again after.
T4 What its owner's frame produces is produced by another one when the owner leaves.
T5 Two who write into one text at once lose nothing of it.
T6 Nothing goes wrong that nobody sees: no uncaught error, no rejection, no error in the console.
"""

import asyncio
import json
import random
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any, Literal, NamedTuple, TypeAlias

from playwright.async_api import Error, Locator

from callmesh import installing
from callmesh.trial import Someone, Trial, trial

TITLE = "Trial"
OTHER = "Other"
STEPS = 10
"""How often each of two touches something."""
LISTEN = 1.5
"""Seconds after which who produces has sent something."""
TAKES_OVER = 10.0
TEXTS = "textarea:not([readonly], [disabled]), [contenteditable=true]"
TOGETHER = {"Eve": "Q", "Bob": "Z"}
"""Who write at once, and the letter that each of them writes."""
LETTERS = 12
"""How many of them."""
TYPE = """async (text, [letters, at]) => {
    await new Promise(resolve => setTimeout(resolve, 1000 * at - Date.now()));
    for (const letter of letters) document.execCommand("insertText", false, letter);
}"""

Outcome: TypeAlias = Literal["kept", "broken", "not tried"]


class Finding(NamedTuple):
    """What became of one trap."""

    trap: str
    outcome: Outcome
    why: str


async def check(source: Path, seed: int) -> AsyncIterator[Finding]:
    """Try the app in `source`, a folder or a zip, and say what becomes of each trap.

    The same seed makes the same moves. Raises `BadManifest` for what is no app, `BadInput` where
    there is no browser.
    """
    manifest = installing.Package(source).manifest
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder)
        async with trial(source, data) as scene:
            exam = _Exam(scene, manifest.id, random.Random(seed))
            for step in (exam.starts, exam.repeats, exam.alternates, exam.takes_over, exam.writes):
                finding = await step()
                yield finding
                if finding.trap == "T1" and finding.outcome == "broken":
                    return
            yield exam.errors()


class _Exam:
    def __init__(self, scene: Trial, app: str, chance: random.Random) -> None:
        self._scene = scene
        self._app = app
        self._chance = chance
        self._problems: list[str] = []
        self.id = ""

    async def starts(self) -> Finding:
        self._ada = await self._scene.join("Ada", "host")
        self._bob = await self._scene.join("Bob", "guest")
        self._eve = await self._scene.join("Eve", "host")
        try:
            self.id = await self._ada.add(self._app, TITLE)
            for someone in self._scene.people:
                await someone.until_started(TITLE)
            for someone in (self._ada, self._bob):
                await someone.wander(TITLE, self._chance, STEPS)
        except Error as error:
            said = "; ".join(self._all_problems) or _line(error)
            return Finding("T1", "broken", f"it does not start: {said}")
        return Finding("T1", "kept", "it starts, for hosts and guests")

    async def repeats(self) -> Finding:
        await self._scene.settled()
        before = await self._eve.state(self.id)
        try:
            await self._again(self._ada)
            await self._again(self._bob)
            late = await self._scene.join("Dan", "guest")
            await late.until_started(TITLE)
        except Error as error:
            return Finding("T2", "broken", f"it does not start again: {_line(error)}")
        await self._scene.settled()
        after = await self._eve.state(self.id)
        lost = [key for key, value in before.items() if key not in after or after[key] != value]
        if lost:
            return Finding(
                "T2", "broken",
                f"a reload, or who comes late, has changed {_named(lost)}: `setup` runs at every "
                "visit, so let it write only what is not there yet, or use `add`",
            )  # fmt: skip
        if not before:
            return Finding("T2", "not tried", "nothing that was touched has written to its State")
        return Finding("T2", "kept", "`setup` may run again")

    async def _again(self, someone: Someone) -> None:
        await someone.page.reload()
        await someone.enter()
        await someone.until_started(TITLE)

    async def alternates(self) -> Finding:
        produced = await self._producers()
        other = await self._eve.add(self._app, OTHER)
        await self._eve.until_started(OTHER)
        await self._eve.show(self.id)
        if not produced:
            await self._eve.remove(other)
            return Finding("T3", "not tried", "nobody sends on its streams")
        silent = await self._until(lambda: self._silent(produced), TAKES_OVER)
        await self._eve.remove(other)
        if silent:
            return Finding(
                "T3", "broken",
                f"{_named(sorted(silent))} sent before it was out of view, and no more since it is "
                "back: what `disable` stops, `enable` has to start",
            )  # fmt: skip
        return Finding("T3", "kept", "it goes on when it is back in view")

    async def takes_over(self) -> Finding:
        if "Ada" not in await self._producers():
            return Finding("T4", "not tried", "its owner sends on no stream")
        await self._scene.leave(self._ada)
        silent = await self._until(self._nobody, TAKES_OVER)
        self._problems += self._ada.problems
        if silent:
            return Finding(
                "T4", "broken",
                "its owner has left, and nobody sends any more: let another participant take over, "
                "such as the first of those who are here",
            )  # fmt: skip
        return Finding("T4", "kept", "another one produces when its owner has left")

    async def _producers(self) -> set[str]:
        """The names of who sends on its streams."""
        before = {someone: await someone.sent(self.id) for someone in self._scene.people}
        await asyncio.sleep(LISTEN)
        return {one.name for one, sent in before.items() if await one.sent(self.id) > sent}

    async def _silent(self, produced: set[str]) -> set[str]:
        return produced - await self._producers()

    async def _nobody(self) -> set[str]:
        return set() if await self._producers() else {"nobody"}

    async def _until(self, silent: Callable[[], Awaitable[set[str]]], seconds: float) -> set[str]:
        """Who is silent still after so long."""
        loop = asyncio.get_running_loop()
        end = loop.time() + seconds
        while (found := await silent()) and loop.time() < end:
            pass
        return found

    async def writes(self) -> Finding:
        writers = [one for one in self._scene.people if one.name in TOGETHER]
        fields = [text for one in writers if (text := await _text(one)) is not None]
        if len(fields) < len(TOGETHER):
            return Finding("T5", "not tried", "there is no longer text that two can write")
        before = await self._letters()
        try:
            at = time.time() + 0.5
            await asyncio.gather(*map(_write, fields, TOGETHER.values(), [at] * len(fields)))
        except Error as error:
            return Finding("T5", "not tried", f"its text is not to be written: {_line(error)}")
        await self._scene.settled()
        came = [now - then for now, then in zip(await self._letters(), before, strict=True)]
        if not any(came):
            return Finding("T5", "not tried", "what is written does not reach its State")
        if min(came) < LETTERS:
            most = LETTERS * len(TOGETHER)
            return Finding(
                "T5", "broken",
                f"two wrote {most} letters into one text at once, and {sum(came)} are left: the "
                "last writer wins for each key, so keep a longer text in parts with keys of their "
                "own",
            )  # fmt: skip
        return Finding("T5", "kept", "two may write into one text")

    async def _letters(self) -> list[int]:
        """How often each of the letters stands in its State."""
        text = json.dumps([*(await self._scene.people[0].state(self.id)).values()])
        return [text.count(letter) for letter in TOGETHER.values()]

    @property
    def _all_problems(self) -> list[str]:
        return [*self._problems, *(said for one in self._scene.people for said in one.problems)]

    def errors(self) -> Finding:
        if said := self._all_problems:
            words = "; ".join(dict.fromkeys(map(_line, said)))
            return Finding("T6", "broken", f"the console of a browser says: {words}")
        return Finding("T6", "kept", "nothing went wrong unseen")


async def _text(someone: Someone) -> Locator | None:
    """The first longer text that somebody may write into."""
    texts = someone.frame(TITLE).locator(TEXTS).filter(visible=True)
    return texts.first if await texts.count() else None


async def _write(text: Locator, letter: str, at: float) -> None:
    """Type so many of them, all at the time `at`: nobody has heard of another's letters then."""
    await text.focus()
    await text.evaluate(TYPE, [letter * LETTERS, at])
    await text.blur()


def _named(names: list[str]) -> str:
    return ", ".join(f"“{name}”" for name in names[:5]) + (" …" if len(names) > 5 else "")


def _line(error: Any) -> str:
    return str(error).strip().partition("\n")[0]
