"""The whiteboard, which is written on the public SDK alone: what one draws, the others see."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, expect

import callmesh
from tests.browser.people import PHONE, Person, person
from tests.processes import HubProcess, hub_process

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(240)]

WAVE = [(100, 300), (140, 250), (180, 300), (220, 350), (260, 300)]
SQUARE = [(400, 250), (450, 300), (500, 350)]

ELEMENTS = (
    """(({desk}) => desk.scene.all().map(({id, element}) => ({id, ...element})))(whiteboard)"""
)
LIVE = "[...whiteboard.desk.live.on(whiteboard.desk.page).values()]"


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HubProcess]:
    with hub_process(tmp_path_factory.mktemp("data")) as hub:
        yield hub


async def board_of(someone: Person) -> Any:
    canvas = someone.app("Whiteboard").locator("#above")
    await expect(canvas).to_be_visible()
    await someone.page.wait_for_function(
        """() => !document.querySelector('iframe[title="Whiteboard"] ~ .panel-words')"""
    )
    await until(someone, "true")
    return canvas


@contextlib.asynccontextmanager
async def two_hosts(browser: Browser, call: str) -> AsyncIterator[tuple[Person, Person]]:
    """Ada and Bob at one board: what Ada draws reaches Bob while she draws it."""
    async with person(browser, "Ada") as ada, person(browser, "Bob") as bob:
        await ada.join(call, role="host")
        await bob.join(call, role="host")
        await ada.add("Whiteboard")
        await board_of(bob)
        bobs = await bob.in_call("call.me.id")
        await until(ada, f"whiteboard.stream.reaches.has({bobs!r})")
        yield ada, bob


async def until(someone: Person, script: str) -> Any:
    """Wait until an expression in the app is true; returns it."""
    ready = f"typeof whiteboard !== 'undefined' && ({script})"
    async with asyncio.timeout(15):
        while not (found := await someone.in_app("Whiteboard", ready)):  # noqa: ASYNC110
            await asyncio.sleep(0.03)
    return found


async def press(
    someone: Person, places: Sequence[tuple[float, float]], *, release: bool = True
) -> None:
    """Press on the board, drag through places, and release."""
    box = await (await board_of(someone)).bounding_box()
    assert box is not None
    (x, y), *rest = places
    await someone.page.mouse.move(box["x"] + x, box["y"] + y)
    await someone.page.mouse.down()
    for x, y in rest:
        await someone.page.mouse.move(box["x"] + x, box["y"] + y)
    if release:
        await someone.page.mouse.up()


async def test_a_stroke_is_seen_while_it_is_drawn_and_then_kept(
    browser: Browser, hub: HubProcess
) -> None:
    """[D1, S5, R7] By the stream first, in the state when it is finished, for late joiners too."""
    call = hub.call("board")
    async with two_hosts(browser, call) as (ada, bob):
        await press(ada, WAVE, release=False)
        (live,) = await until(bob, f"(live => live.length > 0 && live)({LIVE})")
        assert (live["t"], live["c"]) == ("pen", "ink")
        assert await bob.in_app("Whiteboard", ELEMENTS) == []
        await ada.page.mouse.up()
        (stroke,) = await until(bob, f"(all => all.length > 0 && all)({ELEMENTS})")
        assert await bob.in_app("Whiteboard", LIVE) == []
        assert stroke["p"].startswith(live["p"])

        async with callmesh.join(call, name="Pia") as pia:
            await pia.until(lambda: len(pia.resources) == 1)
            (board,) = pia.resources.values()
            assert board.state[f"page/1/el/{stroke['id']}"]["p"] == stroke["p"]

        # Bob moves it. Ada, who drew it, sees that, and cannot undo what is his by now.
        await (await board_of(bob)).press("v")
        await press(bob, [(140, 250), (180, 260), (240, 290)], release=False)
        (moving,) = await until(ada, f"(live => live.length > 0 && live)({LIVE})")
        assert moving["x"] > stroke["x"]
        await bob.page.mouse.up()
        await until(ada, f"{ELEMENTS}[0].x === {stroke['x'] + 100}")
        await expect(ada.app("Whiteboard").get_by_role("button", name="Undo")).to_be_disabled()
        await bob.app("Whiteboard").get_by_role("button", name="Undo").click()
        await until(ada, f"{ELEMENTS}[0].x === {stroke['x']}")
        await bob.app("Whiteboard").get_by_role("button", name="Redo").click()
        await until(ada, f"{ELEMENTS}[0].x === {stroke['x'] + 100}")

        async with person(browser, "Cleo", viewport=PHONE) as cleo:
            await cleo.join(call)
            await board_of(cleo)
            await until(cleo, f"{ELEMENTS}[0]?.x === {stroke['x'] + 100}")
            tools = cleo.app("Whiteboard").get_by_role("toolbar", name="Tools")
            for button in await tools.get_by_role("button").all():
                box = await button.bounding_box()
                assert box is not None
                assert box["x"] >= 0
                assert box["x"] + box["width"] <= PHONE["width"]
                assert box["height"] >= 40
            wide = "document.documentElement.scrollWidth <= innerWidth"
            assert await cleo.in_app("Whiteboard", wide)
            assert ada.problems == bob.problems == cleo.problems == []


async def test_a_board_that_is_locked_says_so_and_takes_nothing(
    browser: Browser, hub: HubProcess
) -> None:
    """[J12] For guests it is opened and locked by hosts, in the page."""
    call = hub.call("locked")
    async with person(browser, "Ada") as ada, person(browser, "Gil") as gil:
        await ada.join(call, role="host")
        await gil.join(call)
        await ada.add("Whiteboard")
        await board_of(gil)
        access = ada.page.get_by_label("What others may do")
        app = gil.app("Whiteboard")
        await expect(app.get_by_text("until a host opens it")).to_be_visible()
        await expect(app.get_by_role("button", name="Pen")).to_be_hidden()
        await (await board_of(gil)).press("p")
        await press(gil, WAVE)
        assert await gil.in_app("Whiteboard", ELEMENTS) == []

        await access.select_option(label="Others may edit")
        await expect(app.get_by_text("until a host opens it")).to_be_hidden()
        await app.get_by_role("button", name="Pen").click()
        await press(gil, WAVE)
        await until(ada, f"{ELEMENTS}.length === 1")
        assert ada.problems == gil.problems == []


async def test_shapes_notes_and_texts_are_written_exported_and_deleted(
    browser: Browser, hub: HubProcess, tmp_path: Path
) -> None:
    """[A1, C1] With keys; a file that the app makes is saved by the browser."""
    async with person(browser, "Ada") as ada:
        await ada.join(hub.call("shapes"), role="host")
        await ada.add("Whiteboard")
        canvas = await board_of(ada)
        app = ada.app("Whiteboard")
        for key in "roal":
            await canvas.press(key)
            await press(ada, SQUARE)
        await canvas.press("n")
        await press(ada, [(200, 300)])
        await ada.page.keyboard.type("Milk & <bread>")
        await ada.page.keyboard.press("Escape")
        await canvas.press("t")
        await press(ada, [(200, 450)])
        await ada.page.keyboard.type("Plan")
        await ada.page.keyboard.press("Escape")
        kinds = "rect ellipse arrow line note text".split()
        assert [one["t"] for one in await ada.in_app("Whiteboard", ELEMENTS)] == kinds

        for kind, start in (("SVG", b"<svg "), ("PNG", b"\x89PNG")):
            await app.get_by_role("button", name="More").click()
            async with ada.page.expect_download() as download:
                await app.get_by_role("button", name=f"Save as {kind}").click()
            saved = tmp_path / kind
            await (await download.value).save_as(saved)
            assert saved.read_bytes().startswith(start)
        svg = (tmp_path / "SVG").read_text()
        assert svg.count("<path ") == 5
        assert "Milk &amp; &lt;bread&gt;" in svg
        assert ">Plan<" in svg

        await canvas.focus()
        await canvas.press(".")
        await expect(app.get_by_text("Rectangle, ink, 1 of 6")).to_be_attached()
        await canvas.press("ArrowRight")
        await canvas.press("]")
        (*_, top) = await ada.in_app("Whiteboard", ELEMENTS)
        assert (top["t"], top["x"]) == ("rect", 400 - 40 + 8)
        await canvas.press("Delete")
        assert len(await ada.in_app("Whiteboard", ELEMENTS)) == 5
        await canvas.press("Control+z")
        assert len(await ada.in_app("Whiteboard", ELEMENTS)) == 6
        await canvas.press("Control+a")
        await canvas.press("Delete")
        assert await ada.in_app("Whiteboard", ELEMENTS) == []

        await app.get_by_role("button", name="New page").click()
        await expect(app.get_by_text("2 / 2")).to_be_visible()
        await canvas.press("+")
        await until(ada, "whiteboard.stage.view.zoom === 1.25")
        await until(ada, "whiteboard.cache.get(`view/${whiteboard.desk.page}`)?.[2] === 1.25")
        await ada.page.reload()
        await ada.enter()
        await expect(app.get_by_text("2 / 2")).to_be_visible()
        assert await ada.in_app("Whiteboard", "whiteboard.stage.view.zoom") == 1.25
        assert ada.problems == []


async def test_others_see_what_who_leads_sees_until_they_look_away(
    browser: Browser, hub: HubProcess
) -> None:
    """[P1] The leader's view, and where the laser points, are presence."""
    call = hub.call("lead")
    async with person(browser, "Ada") as ada, person(browser, "Bob", viewport=PHONE) as bob:
        await ada.join(call, role="host")
        await bob.join(call)
        await ada.add("Whiteboard")
        await board_of(bob)
        await ada.app("Whiteboard").get_by_role("button", name="New page").click()
        await ada.app("Whiteboard").get_by_role("button", name="More").click()
        await ada.app("Whiteboard").get_by_role("button", name="Lead").click()
        await expect(bob.app("Whiteboard").get_by_text("You see what Ada sees")).to_be_visible()
        await expect(bob.app("Whiteboard").get_by_text("2 / 2")).to_be_visible()
        middle = "(({x, y, w}) => Math.round(x + w / 2))(whiteboard.stage.seen)"
        await (await board_of(ada)).press("ArrowRight")
        await (await board_of(ada)).press("ArrowRight")
        aim = await ada.in_app("Whiteboard", middle)
        await until(bob, f"{middle} === {aim}")
        await (await board_of(ada)).press("k")
        await press(ada, WAVE, release=False)
        await until(bob, "whiteboard.others.lasers(whiteboard.desk.page)[0]?.name === 'Ada'")
        await ada.page.mouse.up()

        await (await board_of(bob)).press("ArrowDown")
        await expect(bob.app("Whiteboard").get_by_text("Ada leads")).to_be_visible()
        await (await board_of(ada)).press("ArrowLeft")
        await until(ada, f"{middle} === {aim - 60}")
        assert await bob.in_app("Whiteboard", middle) == aim
        await bob.app("Whiteboard").get_by_role("button", name="Follow").click()
        await until(bob, f"{middle} === {aim - 60}")
        await ada.app("Whiteboard").get_by_role("button", name="Stop").click()
        await expect(bob.app("Whiteboard").get_by_text("You see what")).to_be_hidden()
        assert ada.problems == bob.problems == []


async def test_the_eraser_takes_what_it_is_drawn_over(browser: Browser, hub: HubProcess) -> None:
    """[S5] Whole things, when it is lifted; one stroke of it is one step of undo."""
    call = hub.call("eraser")
    async with person(browser, "Ada") as ada, person(browser, "Bob") as bob:
        await ada.join(call, role="host")
        await bob.join(call)
        await ada.add("Whiteboard")
        canvas = await board_of(ada)
        kinds = f"{ELEMENTS}.map(one => one.t).join()"
        for key, places in (("p", WAVE), ("r", SQUARE), ("l", [(600, 200), (700, 200)])):
            await canvas.press(key)
            await press(ada, places)
        await until(bob, f"{kinds} === 'pen,rect,line'")
        await ada.app("Whiteboard").get_by_role("button", name="Eraser").click()
        across = [(60, 100), (60, 270), (500, 270)]
        await press(ada, across, release=False)
        assert await ada.in_app("Whiteboard", "whiteboard.desk.fading.size") == 2
        assert await bob.in_app("Whiteboard", kinds) == "pen,rect,line"
        await canvas.press("Escape")
        await ada.page.mouse.up()
        assert await ada.in_app("Whiteboard", kinds) == "pen,rect,line"
        await press(ada, across)
        await until(bob, f"{kinds} === 'line'")
        await canvas.press("Control+z")
        await until(bob, f"{kinds} === 'pen,rect,line'")
        await canvas.press("v")
        await canvas.press("e")
        await press(ada, [(650, 150), (650, 250)])
        await until(bob, f"{kinds} === 'pen,rect'")

        # Who may only look has no eraser, by key neither.
        await (await board_of(bob)).press("e")
        await press(bob, across)
        assert await bob.in_app("Whiteboard", "whiteboard.desk.tool") == "hand"
        assert await bob.in_app("Whiteboard", kinds) == "pen,rect"
        assert ada.problems == bob.problems == []


async def test_what_is_selected_is_resized(browser: Browser, hub: HubProcess) -> None:
    """[D1, S5] Seen while it is done, in the state once, and one step of undo."""
    async with two_hosts(browser, hub.call("resize")) as (ada, bob):
        canvas = await board_of(ada)
        for key in "ro":
            await canvas.press(key)
            await press(ada, SQUARE)
        await canvas.press("Control+a")
        # Of both, as they are alike.
        sizes = f"[...new Set({ELEMENTS}.map(({{x, y, w, h}}) => [x, y, w, h].join()))]"
        size = f"(all => all.length === 1 && all[0])({sizes})"
        await until(bob, f"{ELEMENTS}.length === 2")
        left, top = 400 - 40, 250 - 100
        await until(bob, f"{size} === '{left},{top},100,100'")

        await press(ada, [(506, 356), (526, 366), (556, 396)], release=False)
        live = await until(bob, f"(live => live.length > 1 && live)({LIVE})")
        assert [one["w"] > 100 for one in live] == [True, True]
        assert await bob.in_app("Whiteboard", size) == f"{left},{top},100,100"
        await ada.page.mouse.up()
        await until(bob, f"{size} === '{left},{top},150,140'")
        assert await bob.in_app("Whiteboard", f"{ELEMENTS}.map(one => one.v)") == [2, 2]
        await until(bob, f"{LIVE}.length === 0")

        await canvas.press("Control+z")
        await until(bob, f"{size} === '{left},{top},100,100'")
        await ada.page.keyboard.down("Shift")
        await press(ada, [(394, 244), (374, 244), (344, 244)])
        await ada.page.keyboard.up("Shift")
        await until(bob, f"{size} === '{left - 50},{top - 50},150,150'")
        await canvas.press("Alt+ArrowRight")
        await canvas.press("Alt+Shift+ArrowUp")
        await until(bob, f"{size} === '{left - 50},{top - 50},158,110'")
        await expect(ada.app("Whiteboard").get_by_text("158 by 110")).to_be_attached()
        await press(ada, [(511, 309), (600, 400)], release=False)
        await canvas.press("Escape")
        await ada.page.mouse.up()
        await until(bob, f"{LIVE}.length === 0")
        assert await bob.in_app("Whiteboard", size) == f"{left - 50},{top - 50},158,110"
        assert ada.problems == bob.problems == []


async def test_two_fingers_move_the_board_and_draw_nothing(
    browser: Browser, hub: HubProcess
) -> None:
    """A stroke that was begun by the first of them is nothing."""
    async with person(browser, "Ada", viewport=PHONE) as ada:
        await ada.join(hub.call("fingers"), role="host")
        await ada.add("Whiteboard")
        await board_of(ada)
        await ada.in_app(
            "Whiteboard",
            """() => {
                const canvas = document.getElementById("above");
                const at = (type, pointerId, clientX, clientY) => canvas.dispatchEvent(
                    new PointerEvent(type, { pointerId, clientX, clientY, pointerType: "touch" }));
                at("pointerdown", 1, 100, 200);
                at("pointermove", 1, 110, 210);
                at("pointerdown", 2, 200, 210);
                at("pointermove", 2, 290, 210);
                at("pointerup", 1, 110, 210);
                at("pointerup", 2, 290, 210);
                at("pointerdown", 3, 100, 200);
                at("pointermove", 3, 150, 250);
                at("pointerup", 3, 150, 250);
            }""",
        )
        assert await ada.in_app("Whiteboard", "whiteboard.stage.view.zoom") == 2
        (stroke,) = await ada.in_app("Whiteboard", ELEMENTS)
        assert stroke["t"] == "pen"
        assert ada.problems == []
