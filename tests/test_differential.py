"""A Python hub and TypeScript participants, over generated histories.

Every TypeScript participant has a twin in Python that is told the same. What they send must be the
same bytes, and what they see, what became of their writes, their clocks and their change events
must be alike at every step.
"""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec import Raw

from callmesh.ids import CALL, ROSTER, ResourceId, StateId
from callmesh.mesh import Change
from callmesh.participant import Role
from callmesh.state import DELETED
from callmesh.values import decode
from tests.processes import ROOT
from tests.schedules import ALL, KEYS, Schedule
from tests.simulated import STATE, Client, World
from tests.test_state import described

SCHEDULES = int(os.environ.get("SCHEDULES", "1000")) // 10
STATES = [STATE, CALL, ROSTER]


class Driver:
    """A TypeScript participant in a process of its own (`web/core/tests/driver.ts`)."""

    def __init__(self, script: Path) -> None:
        self._process = subprocess.Popen(
            ["node", str(script)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def ask(self, do: str, **fields: Any) -> Any:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps({"do": do, **fields}) + "\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())

    def close(self) -> None:
        self._process.communicate()


@pytest.fixture(scope="module")
def drivers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Driver]]:
    esbuild = ROOT / "node_modules" / ".bin" / "esbuild"
    if not esbuild.exists() or shutil.which("node") is None:
        pytest.fail("the TypeScript participant needs Node and npm packages: run `make page`")
    script = tmp_path_factory.mktemp("driver") / "driver.mjs"
    subprocess.run(
        [esbuild, ROOT / "web/core/tests/driver.ts", "--bundle", "--platform=node",
         "--format=esm", f"--outfile={script}", "--log-level=error"],
        check=True,
    )  # fmt: skip
    found = [Driver(script), Driver(script)]
    yield found
    for driver in found:
        driver.close()


class Twin(Client):
    """A participant in both languages at once."""

    def __init__(self, world: World, name: str, role: Role, skew: int, driver: Driver) -> None:
        super().__init__(world, name, role, skew)
        self.driver = driver
        driver.ask("start", writer=self.me.id)

    def connect(self) -> None:
        if self.member is None:
            self.driver.ask("connect")
        super().connect()

    def cut(self) -> None:
        super().cut()
        self.driver.ask("cut")

    def write(self, groups: dict[StateId, dict[str, Raw]]) -> None:
        sent = {state: {k: as_json(v) for k, v in keys.items()} for state, keys in groups.items()}
        theirs = self.driver.ask("write", groups=sent, now=self.now)
        self.compare(lambda: super(Twin, self).write(groups), theirs)

    def send(self) -> bool:
        before = len(self.up)
        moved = super().send()
        if self.member is not None:
            assert [data.hex() for data in list(self.up)[before:]] == self.driver.ask("send")
        return moved

    def hear(self) -> bool:
        if not self.down:
            return False
        theirs = self.driver.ask("hear", hex=self.down[0].hex(), now=self.now)
        self.compare(super().hear, theirs)
        return True

    def drop(self, gone: ResourceId) -> None:
        super().drop(gone)
        self.driver.ask("drop", resource=gone)

    def reload(self) -> None:
        left = self.driver.ask("reload", writer=f"p{self.name}{self.visits + 1}")
        super().reload()
        ours = [{"state": s, "key": e.key, "time": e.time, "version": v} for s, e, v in self.left]
        assert left == ours

    def learn(self) -> None:
        super().learn()
        if self.member is not None:
            self.driver.ask("learn", time=self.world.now, now=self.now)

    def compare(self, act: Any, theirs: list[Any]) -> None:
        """Their changes, and how they stand now, are ours."""
        before = len(self.changes)
        act()
        assert in_order(self.changes[before:]) == sorted(theirs, key=by_place)
        assert self.driver.ask("look", states=STATES, keys=KEYS) == self.look()

    def look(self) -> dict[str, Any]:
        mesh = self.mesh
        states = {
            state: {
                "view": self.view(state),
                "fates": {key: mesh.status_of(state, key) for key in KEYS},
                "status": mesh.status(state),
            }
            for state in STATES
        }
        clock = {"offset": mesh.clock.offset, "seen": mesh.clock.seen, "given": mesh.clock.given}
        return {"states": states, "clock": clock, "cursor": mesh.cursor, "saved": mesh.saved}


def as_json(value: Raw) -> dict[str, Any]:
    return {"deleted": True} if value == DELETED else {"value": decode(value)}


def in_order(changes: list[Change]) -> list[dict[str, Any]]:
    return sorted((described(change) for change in changes if change.keys), key=by_place)


def by_place(change: dict[str, Any]) -> tuple[str, str]:
    return change["state"], change["cause"]


def test_twins_in_both_languages_never_differ(drivers: list[Driver]) -> None:
    """[S1, S2, S5, S6, S8, S10, S11, S12, S13, S16, S17, J14, W1]"""

    @settings(max_examples=SCHEDULES, suppress_health_check=list(HealthCheck))
    @given(st.integers(0, 2**32))
    def check(seed: int) -> None:
        twins = dict(zip("bc", drivers, strict=True))

        def client(world: World, name: str, role: Role, skew: int) -> Client:
            if name in twins:
                return Twin(world, name, role, skew, twins[name])
            return Client(world, name, role, skew)

        Schedule(seed, ALL, client).run(120)

    check()
