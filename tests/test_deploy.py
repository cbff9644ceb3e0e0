"""What `deploy/` and docs/operating.md say is what the hub does."""

import re
import shlex
import shutil
import subprocess
import tomllib
from pathlib import Path

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from callmesh.cli import main
from callmesh.logs import FIELDS as LOG_FIELDS
from callmesh.settings import FIELDS, Settings, choose
from callmesh.storage.sqlite import SqliteStorage
from tests.processes import hub_process
from tools import operating

ROOT = Path(__file__).parent.parent
DEPLOY = ROOT / "deploy"
UNIT = (DEPLOY / "callmesh.service").read_text()
CONTAINER = (DEPLOY / "Containerfile").read_text()
PAGE = operating.PAGE.read_text()


def test_the_tables_are_those_of_the_code() -> None:
    """[O5, O10] If not: `python -m tools.operating`."""
    assert operating.rendered(PAGE) == PAGE


def test_the_page_leads_somewhere_and_names_what_there_is() -> None:
    links = re.findall(r"\]\(([^)#]+)\)", PAGE)
    assert [link for link in links if not (operating.PAGE.parent / link).exists()] == []
    inside = PAGE[PAGE.index("The **log**") :]
    assert [field for field in LOG_FIELDS if f"`{field}`" not in inside] == []
    named = set(re.findall(r"callmesh_[a-z_]+", PAGE))
    assert {name for name in named if f"| `{name}`" not in PAGE} == set()


def test_the_example_settings_are_settings_and_its_comments_are_the_defaults() -> None:
    """[O5]"""
    file = DEPLOY / "callmesh.toml"
    chosen = choose({}, {}, file).settings
    assert (chosen.log, chosen.url) == ("json", None), "an address of nobody's is no default"
    commented = tomllib.loads(re.sub(r"^#(\w)", r"\1", file.read_text(), flags=re.MULTILINE))
    assert chosen.data == Path("/var/lib/callmesh")
    assert "StateDirectory=callmesh\n" in UNIT
    assert "User=callmesh\n" in UNIT
    found = {*commented, *(f"limits.{name}" for name in commented["limits"])} - {"limits"}
    assert set(FIELDS) - found == {"dev"}, "a setting that the example leaves out"
    limits = {field: getattr(Settings().limits, field) for field in commented["limits"]}
    assert commented["limits"] == limits
    for name in ("host", "port", "metrics"):
        assert commented[name] == FIELDS[name].default


@pytest.mark.parametrize("text", [CONTAINER, PAGE], ids=["container", "page"])
def test_variables_are_settings(text: str) -> None:
    """[O5]"""
    named = set(re.findall(r"\b(CALLMESH_[A-Z_]+)=", text))
    assert named
    assert named <= {field.variable for field in FIELDS.values()}


def test_systemd_takes_the_unit(tmp_path: Path) -> None:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd is not installed")
    file = tmp_path / "callmesh.service"
    file.write_text(re.sub(r"(?m)^ExecStart=\S+", "ExecStart=/bin/true", UNIT))
    ended = subprocess.run(
        ["systemd-analyze", "verify", str(file)],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert "callmesh.service" not in ended.stdout + ended.stderr
    assert ended.returncode == 0, ended.stderr


def test_commands_of_the_page_work_with_the_settings_of_the_unit(
    tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    """[O2, O5, O13] All of them need the file alone."""
    assert re.search(r"^ExecStart=\S+ serve --config /etc/callmesh/callmesh.toml$", UNIT, re.M)
    key, data = tmp_path / "etc" / "callmesh.key", tmp_path / "data"
    key.parent.mkdir()
    key.touch(mode=0o600)
    key.write_text("3q8vX0eYpLw7Zc1TnR5uHs9KdGfJ2bMa")
    SqliteStorage(data / "callmesh.sqlite").close()
    settings = (DEPLOY / "callmesh.toml").read_text().replace("/var/lib/callmesh", str(data))
    file = key.with_name("callmesh.toml")
    file.write_text(
        settings.replace("/etc/callmesh", str(key.parent)).replace("#port = 8484", "port = 0")
    )
    block = PAGE[PAGE.index("hub() {") :].partition("```")[0]
    commands = re.findall(r"^hub (.+?)(?: {2,}#.*| > .*)?$", block, re.MULTILINE)
    assert len(commands) == 5
    for command in commands:
        assert main([*shlex.split(command), "--config", str(file)]) == 0, command
    assert b"/call/round#token=" in capsysbinary.readouterr().out


def test_the_container_copies_what_there_is() -> None:
    """No engine runs in these tests: what can be said without one."""
    for line in re.findall(r"^COPY (?!--from)(.+)$", CONTAINER, re.MULTILINE):
        *sources, _ = line.split()
        assert [source for source in sources if not (ROOT / source).exists()] == []
    assert re.search(r"^USER callmesh$", CONTAINER, re.MULTILINE)
    (user,) = re.findall(r"useradd --system --uid (\d+)", CONTAINER)
    assert f"uid={user}" in CONTAINER
    assert f"chown {user} callmesh.key" in PAGE
    assert "/healthz" in CONTAINER


@pytest.mark.anyio
async def test_behind_a_proxy_addresses_are_those_that_people_see(tmp_path: Path) -> None:
    """[O15]"""
    key = tmp_path / "key"
    key.write_text("0123456789abcdef" * 2)
    headers = {"Host": "calls.example.org", "X-Forwarded-Proto": "https"}
    with hub_process(tmp_path / "data", key=key) as hub:
        async with httpx.AsyncClient(base_url=hub.address, headers=headers) as http:
            policy = (await http.get("/call/demo")).headers["content-security-policy"]
            assert "frame-src https://calls.example.org/apps/" in policy
            assert "connect-src 'self' wss://calls.example.org" in policy
            assert (await http.get("/metrics")).status_code == 403
        async with _through(hub.port, "https://calls.example.org"):
            pass
        with pytest.raises(InvalidStatus):
            await _through(hub.port, hub.address)


def _through(port: int, origin: str) -> connect:
    """A page of `origin` opens a socket by way of the proxy."""
    return connect(
        "ws://calls.example.org/call/demo/socket", host="127.0.0.1", port=port,
        additional_headers={"X-Forwarded-Proto": "https", "Origin": origin},
    )  # fmt: skip
