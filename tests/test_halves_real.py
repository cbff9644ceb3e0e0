"""Python halves as hubs run them: processes that crash, are killed, and are left behind."""

import asyncio
import contextlib
import os
import shutil
import signal
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import pytest

import callmesh
from callmesh.hosting import HalfTrouble
from tests.processes import ROOT, HubProcess, hub_process
from tests.test_mounted import served

pytestmark = pytest.mark.anyio

CRASHER = ROOT / "tests/apps/crasher"
PATIENCE = 30.0


async def gone(pid: int) -> None:
    """Wait until a process has ended, whose child it may be."""
    try:
        fd = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    ended = asyncio.Event()
    asyncio.get_running_loop().add_reader(fd, ended.set)
    try:
        async with asyncio.timeout(PATIENCE):
            await ended.wait()
    finally:
        asyncio.get_running_loop().remove_reader(fd)
        os.close(fd)


def check_lives(pid: int) -> None:
    os.kill(pid, 0)


@contextlib.asynccontextmanager
async def joined(
    hub: HubProcess, name: str = "Ada", **options: str
) -> AsyncIterator[callmesh.Call]:
    async with callmesh.join(hub.call(), name=name, rtc=False, **options) as call:  # type: ignore[arg-type]
        yield call


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[HubProcess]:
    with hub_process(tmp_path / "data", apps=(CRASHER,), more=("--verbose",)) as hub:
        yield hub


async def half(call: callmesh.Call, resource: callmesh.Resource, start: int = 1) -> int:
    """The process that runs it, once it has been started so many times."""
    await call.until(
        lambda: resource.state.get("half/starts") == start, timeout=PATIENCE, what="a half"
    )
    pid: int = resource.state["half/pid"]
    return pid


async def test_each_resource_has_a_half_of_its_own(hub: HubProcess) -> None:
    """[Y1, G9] Who adds the app can know that it has one."""
    async with httpx.AsyncClient() as client:
        apps = (await client.get(f"{hub.address}/api/apps")).json()
    runs = {app["id"]: app["python"] for app in apps}
    assert (runs["crasher"], runs["poll"]) == (True, False)
    async with joined(hub) as call:
        one = await call.resources.add("crasher", title="One")
        two = await call.resources.add("crasher", title="Two")
        pids = [await half(call, one), await half(call, two)]
        assert len({*pids, hub.process.pid}) == 3
        assert [one.state["half/resource"], two.state["half/resource"]] == [one.id, two.id]
        halves = {other.half: other for other in call.participants.values() if other.half}
        assert set(halves) == {one.id, two.id}
        assert halves[one.id].name == "Crasher"
        one.state["do"] = "crash"
        await half(call, one, 2)
        assert two.state["half/starts"] == 1
        check_lives(pids[1])
    for pid in pids:
        await gone(pid)


@pytest.mark.parametrize("how", ["raise", "crash", "kill"])
async def test_one_that_fails_is_started_again_and_hosts_are_told(
    hub: HubProcess, how: str
) -> None:
    """[Y5, Y6]"""
    told: list[HalfTrouble] = []
    async with joined(hub) as call, joined(hub, "Bob", role="guest") as guest:
        resource = await call.resources.add("crasher")
        pid = await half(call, resource)
        if how == "kill":
            os.kill(pid, signal.SIGKILL)
        else:
            resource.state["do"] = how

        def has_failed() -> bool:
            told.extend(call.hosting.halves.values())
            return bool(told)

        await call.until(has_failed, timeout=PATIENCE)
        assert (told[0].app, told[0].failures) == ("Crasher", 1)
        assert list(call.hosting.halves) == [resource.id]
        assert (
            told[0].error
            == {
                "raise": "ValueError: a listener raises this",
                "crash": "ValueError: it was told to crash",
                "kill": "it ended with code -9",
            }[how]
        )
        assert await half(call, resource, 2) != pid
        assert guest.hosting.halves == {}
    errors = hub.end()
    assert "a Python half has failed call=demo" in errors
    assert f"resource={resource.id} app=crasher" in errors


async def test_what_a_half_prints_is_in_the_log(hub: HubProcess) -> None:
    """[Y8]"""
    async with joined(hub) as call:
        resource = await call.resources.add("crasher")
        await half(call, resource)
        resource.state["do"] = "print"
        await resource.state.saved()
        await call.resources.remove(resource)
    errors = hub.end()
    about = f"call=demo resource={resource.id} app=crasher"
    assert f"INFO callmesh.hub: a Python half says {about} said=it prints this" in errors
    assert f"{about} said=it was removed" in errors


async def test_it_stops_when_nobody_is_there_or_its_resource_is_gone(hub: HubProcess) -> None:
    """[Y1, Y7]"""
    async with joined(hub) as call:
        resource = await call.resources.add("crasher")
        pid = await half(call, resource)
        await resource.state.saved()
    await gone(pid)
    async with joined(hub) as call:
        resource = await call.resources.get(resource.id)
        again = await half(call, resource, 2)
        resource.state["do"] = "child"
        await call.until(lambda: "half/child" in resource.state, timeout=PATIENCE)
        child = resource.state["half/child"]
        check_lives(child)
        await call.resources.remove(resource)
        await gone(again)
        await gone(child)
        await call.until(lambda: len(call.participants) == 1)


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
async def test_no_half_outlives_its_hub(hub: HubProcess, how: signal.Signals) -> None:
    """[Y8]"""
    async with joined(hub) as call:
        resource = await call.resources.add("crasher")
        pid = await half(call, resource)
        resource.state["do"] = "child"
        await call.until(lambda: "half/child" in resource.state, timeout=PATIENCE)
        child = resource.state["half/child"]
        await resource.state.saved()
        hub.process.send_signal(how)
        await gone(pid)
        await gone(child)
    hub.process.wait(timeout=20)
    assert "a Python half has failed" not in hub.end()


async def test_one_that_hangs_goes_with_its_hub(hub: HubProcess) -> None:
    """[Y8]"""
    async with joined(hub) as call:
        resource = await call.resources.add("crasher")
        pid = await half(call, resource)
        resource.state["do"] = "hang"
        await resource.state.saved()
    assert hub.stop() == 0
    await gone(pid)


async def test_python_runs_where_the_operator_has_allowed_it(tmp_path: Path) -> None:
    """[Y2]"""
    data = tmp_path / "data"
    add = [sys.executable, "-m", "callmesh", "apps", "add", str(CRASHER), "--data", str(data)]
    code, said = await run(*add)
    assert code == 1
    assert "brings Python, half.py" in said
    assert "--allow-python" in said
    assert not (data / "apps" / "installed.json").exists()
    code, said = await run(*add, "--allow-python")
    assert code == 0
    assert "it runs Python on this machine, as the user of the hub: half.py" in said
    with hub_process(data) as hub:
        async with joined(hub) as call:
            await half(call, await call.resources.add("crasher"))
    with hub_process(data, more=("--no-python",)) as hub:
        async with joined(hub) as call:
            resource = await call.resources.add("crasher")
            await call.until(lambda: resource.id in call.hosting.halves, timeout=PATIENCE)
            assert "its setting `python` is off" in call.hosting.halves[resource.id].error
            assert "half/pid" not in resource.state
    known = data / "apps" / "installed.json"
    known.write_text(known.read_text().replace('"python": true', '"python": false'))
    with hub_process(data) as hub:
        async with joined(hub) as call:
            resource = await call.resources.add("crasher")
            await call.until(lambda: resource.id in call.hosting.halves, timeout=PATIENCE)
            assert "has not allowed its Python" in call.hosting.halves[resource.id].error


async def run(*command: str) -> tuple[int, str]:
    process = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    said, _ = await process.communicate()
    return process.returncode or 0, said.decode()


async def test_a_half_that_cannot_be_loaded_says_why(tmp_path: Path) -> None:
    """[Y5, Y7] Mended, it is started without waiting."""
    app = tmp_path / "crasher"
    shutil.copytree(CRASHER, app)
    whole = (app / "half.py").read_text()
    (app / "half.py").write_text("import callmesh\napplication = callmesh.App('other')\n")
    with hub_process(tmp_path / "data", apps=(app,)) as hub:
        async with joined(hub) as call:
            resource = await call.resources.add("crasher")
            await call.until(lambda: resource.id in call.hosting.halves, timeout=PATIENCE)
            error = call.hosting.halves[resource.id].error
            assert error.startswith('half.py has no callmesh.App("crasher") among its names')
            (app / "half.py").write_text(whole)
            manifest = app / "manifest.json"
            manifest.write_text(manifest.read_text().replace("1.0.0", "1.0.1"))
            async with joined(hub, "an author's program"):  # the hub looks at what is new
                await half(call, resource)
                await call.until(lambda: not call.hosting.halves)
        assert not list(app.rglob("__pycache__"))


async def test_a_mounted_hub_runs_halves_too(tmp_path: Path) -> None:
    """[Y1]"""
    (tmp_path / "other.py").write_text(
        "import os\nfrom pathlib import Path\nfrom starlette.applications import Starlette\n"
        "from starlette.routing import Mount\nimport callmesh\n"
        "hub = callmesh.asgi(data=Path(os.environ['CALLS']), dev=True,\n"
        f"                    apps=[Path({str(CRASHER)!r})])\n"
        "app = Starlette(routes=[Mount('/deep/callmesh', hub)], lifespan=hub.lifespan)\n"
    )
    with served(tmp_path / "data", app="other:app", folder=tmp_path) as address:
        url = f"{address}/deep/callmesh/call/demo"
        async with callmesh.join(url, name="Ada", rtc=False) as call:
            resource = await call.resources.add("crasher")
            pid = await half(call, resource)
        await gone(pid)


async def test_the_timer_goes_on_when_its_owner_leaves(tmp_path: Path) -> None:
    """[Y10] The example, as the page of its owner would feed it."""
    timer = ROOT / "examples/timer"
    with hub_process(tmp_path, apps=(timer,)) as hub:
        async with joined(hub) as call:
            async with joined(hub, "Bob", role="guest") as bob:
                resource = await bob.resources.add("timer")
                resource.state["seconds"] = 41
                await resource.state.saved()
                seen = await call.resources.get(resource.id)
                await call.until(lambda: any(it.half for it in call.participants.values()))
                assert not seen.state.can_write("seconds"), (
                    "a rule lets the owner alone, and halves"
                )
            await call.until(lambda: seen.state["seconds"] >= 43, timeout=PATIENCE)
