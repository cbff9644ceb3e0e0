"""The shape of the house: floors, import directions, the public face, no traces of a machine."""

import ast
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "src" / "callmesh"

# Lowest first. A module imports only from modules that stand before it.
GROUND = """
    errors ids values limits counts clock state participant audit app jsontext forms manifest
    resource callstate cache keys messages stream meter wake lane past turns inbox files signaling
    ledger receipt letters outbox mesh history lists session rates sight standing exchange ice
    rights feed record visits door meanwhile people commands relay kept hosted outside halves
    ports
""".split()
FIRST = """
    storage storage.memory storage.sqlite storage.blobs
    transport transport.memory transport.websocket transport.asgi transport.picows
    transport.rtcmedia transport.webrtc transport.turn cachefile folder
""".split()
SECOND = """
    settings logs tokens auth catalog installing saving ending address headers livecall live
    links metrics operations asking depot outbound fetching archive operator retention webhooks
    guard shapes problems api icesettings guise supervisor pages hub connection notify media replica
    hosting undo typed changes shared presence conflated leading pointer datastream streams fileio
    away transfers instance handling resources half joining peering client running contracts testing
""".split()
TOP = """
    __init__ auditing creating connections serving developing doctor trial conformance cli __main__
    pytest_plugin
""".split()
FLOORS = [*GROUND, *FIRST, *SECOND, *TOP]

# The ground floor is told the time and given its bytes, so that every run can be repeated.
NOT_ON_THE_GROUND = {"asyncio", "os", "random", "socket", "threading", "time"}

# What a web workspace may import, besides itself.
WORKSPACES = {
    "core": set[str](),
    "client": {"core"},
    "bridge": {"core"},
    "page": {"core", "client", "bridge"},
}


def module_name(path: Path) -> str:
    """`storage/sqlite.py` is `storage.sqlite`, `storage/__init__.py` is `storage`."""
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    if len(parts) > 1 and parts[-1] == "__init__":
        parts = parts[:-1]
    return ".".join(parts)


def python_modules() -> dict[str, Path]:
    """The modules of the package. The apps in it are guests, with a test of their own; what a
    template makes is its author's."""
    paths, others = sorted(PACKAGE.rglob("*.py")), ("apps", "templates")
    return {module_name(p): p for p in paths if p.relative_to(PACKAGE).parts[0] not in others}


MODULES = python_modules()


def imported_names(path: Path) -> Iterator[str]:
    """Every absolute dotted name that the file imports, wherever in the file it does so."""
    for node in ast.walk(ast.parse(path.read_text(), str(path))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                package = path.relative_to(PACKAGE.parent).parts[: -node.level]
                base = ".".join([*package, *filter(None, [base])])
            yield from (f"{base}.{alias.name}" for alias in node.names)


def own_imports(path: Path) -> Iterator[str]:
    """The modules of callmesh that the file imports, as the floors name them."""
    for name in imported_names(path):
        first, *rest = name.split(".")
        if first != "callmesh":
            continue
        while rest and ".".join(rest) not in MODULES:
            rest.pop()
        yield ".".join(rest) or "__init__"


def test_every_module_has_a_floor() -> None:
    missing = [name for name in MODULES if name not in FLOORS]
    assert not missing, f"give these modules a place in FLOORS: {', '.join(missing)}"
    assert len(FLOORS) == len(set(FLOORS))


@pytest.mark.parametrize("name", [name for name in FLOORS if name in MODULES])
def test_imports_point_down(name: str) -> None:
    below = FLOORS[: FLOORS.index(name)]
    wrong = sorted({other for other in own_imports(MODULES[name]) if other not in below})
    assert not wrong, f"{name} imports what does not stand below it: {', '.join(wrong)}"


@pytest.mark.parametrize("name", [name for name in GROUND if name in MODULES])
def test_the_ground_floor_is_pure(name: str) -> None:
    roots = {imported.split(".")[0] for imported in imported_names(MODULES[name])}
    wrong = sorted(roots & NOT_ON_THE_GROUND)
    assert not wrong, f"{name} stands on the ground floor and imports {', '.join(wrong)}"


def test_built_in_apps_have_no_private_door() -> None:
    wrong = [
        f"{path.relative_to(PACKAGE)} imports callmesh.{name}"
        for path in sorted(PACKAGE.glob("apps/**/*.py"))
        for name in own_imports(path)
        if name != "__init__"
    ]
    assert not wrong, f"an app uses only the public face: {'; '.join(wrong)}"


def test_the_public_face_is_small_and_sorted() -> None:
    import callmesh

    names = list(callmesh.__all__)
    assert len(names) <= 25, f"{len(names)} public names"
    assert names == sorted(names, key=str.casefold)
    missing = [name for name in names if not hasattr(callmesh, name)]
    assert not missing, f"in __all__, but not there: {', '.join(missing)}"


TS_IMPORT = re.compile(r"""(?:\bfrom|\bimport)\s*\(?\s*["']([^"']+)["']""")


@pytest.mark.parametrize("workspace", WORKSPACES)
def test_web_imports_point_down(workspace: str) -> None:
    home = ROOT / "web" / workspace
    allowed = {workspace, *WORKSPACES[workspace]}
    wrong = []
    for path in sorted([*home.glob("src/**/*.ts"), *home.glob("src/**/*.tsx")]):
        for target in TS_IMPORT.findall(path.read_text()):
            if target.startswith("@callmesh/"):
                fine = target.split("/")[1] in allowed
            else:
                fine = target[0] != "." or (path.parent / target).resolve().is_relative_to(home)
            if not fine:
                wrong.append(f"{path.relative_to(ROOT)} imports {target}")
    assert not wrong, f"{workspace} may import only {sorted(allowed)}: {'; '.join(wrong)}"


# In pieces, so that this file does not hold what it looks for.
TRACES = re.compile(
    "|".join(
        [
            r"py" + r"pi\.org",
            r"registry\." + r"(?:npm" + r"js\.org|yarn" + r"pkg\.com)",
            r"files\." + r"python" + r"hosted\.org",
            r"(?<![\w./*-])/(?:wo" + r"rk|ro" + r"ot)/",
        ]
    ).encode()
)


def test_no_registry_and_no_machine_is_named() -> None:
    listing = subprocess.run(
        "git -c safe.directory=* ls-files -z --cached --others --exclude-standard".split(),
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    if listing.returncode:
        pytest.skip("not a git checkout")
    paths = [ROOT / name for name in listing.stdout.split("\0") if name]
    wrong = [
        f"{path.relative_to(ROOT)}: {match[0].decode()}"
        for path in paths
        if path.is_file()
        for match in TRACES.finditer(path.read_bytes())
    ]
    assert not wrong, "; ".join(wrong)
