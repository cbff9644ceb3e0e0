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
    id = read_app(app).manifest.id
    own = app.resolve().parent == BUILT_IN
    if (BUILT_IN / id).is_dir() and not own:
        raise BadInput(f"{app}: an app called {id} is built in; give this one another id")

    def greeting(address: str) -> str:
        link = f"{address}/dev/{id}"
        if show:
            webbrowser.open(link)
        return f"""
{id} as two people have it at once, an inspector beside them:

  {link}

Change a file in {app}, and both load it; the state stays until you stop. Ctrl-C stops.
"""

    with tempfile.TemporaryDirectory(prefix="callmesh-dev-") as data:
        apps = () if own else (app,)
        return serve(Settings(dev=True, data=Path(data), apps=apps, port=port), greeting)


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
