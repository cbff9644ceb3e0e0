"""`callmesh dev`: a hub for one app that is being written, with data that goes when it stops."""

import tempfile
import webbrowser
from pathlib import Path

from callmesh.catalog import BUILT_IN, read_app
from callmesh.errors import BadInput
from callmesh.serving import serve
from callmesh.settings import Settings


def develop(folder: Path, *, port: int = 0, show: bool = False) -> int:
    """Run the hub until it is told to stop; the exit code. `show` opens the page in a browser.

    Raises `BadInput`, `BadManifest` or `CannotStart`.
    """
    app = app_in(folder)
    manifest = read_app(app).manifest
    id = manifest.id
    own = app.resolve().parent == BUILT_IN
    if (BUILT_IN / id).is_dir() and not own:
        raise BadInput(f"{app}: an app called {id} is built in; give this one another id")

    def greeting(address: str) -> str:
        link = f"{address}/dev/{id}"
        if show:
            webbrowser.open(link)
        half = f"\nIts Python, {manifest.python}, runs here, and may do all that you may.\n"
        return f"""
{id} as two people have it at once, an inspector beside them:

  {link}
{half if manifest.python else ""}
Change a file in {app}, and both load it; the state stays until you stop. Ctrl-C stops.
"""

    with tempfile.TemporaryDirectory(prefix="callmesh-dev-") as data:
        apps = () if own else (app,)
        settings = Settings(
            dev=True, data=Path(data), apps=apps, port=port,
            log_level="info" if manifest.python else "warning",  # what it prints, and why it fails
        )  # fmt: skip
        return serve(settings, greeting)


def app_in(folder: Path) -> Path:
    """The app: in this folder, or built of it into `dist/<name>`. Raises `BadInput`."""
    if (folder / "manifest.json").is_file() or not (folder / "package.json").is_file():
        return folder
    built = folder / "dist" / folder.resolve().name
    if not (built / "manifest.json").is_file():
        raise BadInput(
            f"{folder} is not built yet: run `npm install` and `npm run build` in it, "
            f"which makes {built}"
        )
    return built
