"""`callmesh new`: a folder with a working app, made of one of the templates."""

import json
import re
import secrets
import shutil
from importlib.resources import files
from pathlib import Path

from callmesh.catalog import BUILT_IN
from callmesh.errors import BadInput, BadName
from callmesh.ids import app_id

TEMPLATES = Path(str(files("callmesh"))) / "templates"
SDK = Path(str(files("callmesh"))) / "page" / "dist" / "sdk"
KINDS = ("plain", "typescript", "react")
"""`plain` is the app as it is; the others are built by vite, and have what is in `built` too."""
STYLE = "app.css"
"""The same for all."""
HALF, ABOUT = "half.py", "README.md"
"""What is in `half`: Python that any of them may have, and what its README says of it."""
OF_SDK: dict[str, tuple[str, ...]] = {
    "plain": (),
    "typescript": ("app.d.ts",),
    "react": ("app.d.ts", "react.d.ts", "react.js"),
}
"""What each has of the SDK, beside what the hub gives to every app."""

ID, NAME = "my-app", "My app"
"""What the app in each template is called."""


def create(folder: Path, kind: str = "plain", *, python: bool = False) -> None:
    """Make `folder`, called as the app will be, with a Python half where `python` says so.

    Raises `BadInput`, and then nothing is made.
    """
    id = _checked(folder)
    texts = _texts(kind)
    if python:
        _add_half(texts, "" if kind == "plain" else "public/")
    made = {name: _named(text, id) for name, text in texts.items()}
    staged = folder.parent / f".{folder.name}-{secrets.token_hex(4)}"
    try:
        for name, text in made.items():
            file = staged / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, "utf-8")
        staged.rename(folder)
    except OSError as error:
        shutil.rmtree(staged, ignore_errors=True)
        raise BadInput(f"{folder} cannot be made: {error.strerror}") from error


def _checked(folder: Path) -> str:
    """The id of the app that is to be in `folder`. Raises `BadInput`."""
    id = folder.name
    try:
        app_id(id)
    except BadName as error:
        near = re.sub(r"[^a-z0-9]+", "-", id.lower()).strip("-0123456789")[:40].strip("-")
        hint = f"; try {folder.with_name(near)}" if near else ""
        raise BadInput(f"no app can be called {id or folder}: {error}{hint}") from error
    if (BUILT_IN / id).is_dir():
        raise BadInput(f"an app called {id} is built in; choose another name")
    if folder.exists() and not (folder.is_dir() and not any(folder.iterdir())):
        raise BadInput(f"{folder} is there already; choose another name, or remove it first")
    return id


def _texts(kind: str) -> dict[str, str]:
    """The files of a template by path, and those of the SDK that it needs."""
    found = _read(TEMPLATES / kind)
    style = (TEMPLATES / STYLE).read_text("utf-8")
    if kind == "plain":
        return {**found, STYLE: style}
    found |= {**_read(TEMPLATES / "built"), f"src/{STYLE}": style}
    found[".gitignore"] = found.pop("gitignore")  # under its own name it would count here
    for name in OF_SDK[kind]:
        if not (SDK / name).is_file():
            raise BadInput("the SDK is not built; run `make page`, or install the wheel")
        found[f"callmesh-{name}"] = (SDK / name).read_text("utf-8")
    return found


def _add_half(texts: dict[str, str], where: str) -> None:
    """Give a template a Python half, beside its manifest."""
    half = _read(TEMPLATES / "half")
    manifest = {**json.loads(texts[f"{where}manifest.json"]), "python": HALF}
    texts[f"{where}manifest.json"] = json.dumps(manifest, indent=2, ensure_ascii=False) + "\n"
    texts[f"{where}{HALF}"] = half[HALF]
    texts[ABOUT] += half[ABOUT]


def _read(template: Path) -> dict[str, str]:
    return {
        path.relative_to(template).as_posix(): path.read_text("utf-8")
        for path in sorted(template.rglob("*"))
        if path.is_file()
    }


def _named(text: str, id: str) -> str:
    """`text` of a template, about the app called `id`."""
    words = id.replace("-", " ").strip()
    return text.replace(ID, id).replace(NAME, words[0].upper() + words[1:])
