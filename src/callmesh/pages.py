"""Pages and apps as they go to browsers: what each may load, and the SDK in it."""

import json
import re
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection, Request
from starlette.responses import HTMLResponse, Response
from starlette.staticfiles import StaticFiles

from callmesh.catalog import InstalledApp

PAGE = Path(str(files("callmesh"))) / "page" / "dist"


HASHED = re.compile(r"-[\w-]{8}\.js$")
FOR_EVER = "public, max-age=31536000, immutable"
LOOKED_UP = "public, max-age=0, stale-while-revalidate=604800"
"""Used as it was, also while the hub is away; whether it is another is asked meanwhile."""


class OpenFiles(StaticFiles):
    """Files that a frame of opaque origin may load as modules."""

    def file_response(self, full_path: Any, *args: Any, **kwargs: Any) -> Response:
        response = super().file_response(full_path, *args, **kwargs)
        response.headers["Access-Control-Allow-Origin"] = "*"
        is_hashed = HASHED.search(str(full_path))
        response.headers["Cache-Control"] = FOR_EVER if is_hashed else LOOKED_UP
        return response


def root_of(connection: HTTPConnection) -> str:
    """The path the hub is mounted under; empty at the top."""
    root: str = connection.scope.get("root_path", "")
    return root.rstrip("/")


def _origin(connection: HTTPConnection) -> str:
    scheme = {"ws": "http", "wss": "https"}.get(connection.url.scheme, connection.url.scheme)
    return f"{scheme}://{connection.url.netloc}"


def page_of(
    request: Request, name: str, *, frames: str = "/apps/", within: Sequence[str] = ()
) -> Response:
    """One of the built pages, which has frames of what lies under that path alone.

    It may be in a frame itself of the hub's own pages, and of those of the origins `within`.
    """
    file = PAGE / name
    if not file.is_file():
        raise HTTPException(503, "The call page is not built: run `make page`.")
    base = f'<base href="{root_of(request)}/page/">'
    page = file.read_text().replace("<head>", f"<head>{base}", 1)
    return HTMLResponse(page, headers=_page_headers(request, frames, within))


def _page_headers(request: Request, frames: str, within: Sequence[str]) -> dict[str, str]:
    here = _origin(request)
    policy = {
        "default-src": "'none'",
        "script-src": "'self'",
        "style-src": "'self' 'unsafe-inline'",
        "img-src": "'self' data: blob:",
        "media-src": "'self' blob: mediastream:",
        "font-src": "'self'",
        "connect-src": f"'self' {here.replace('http', 'ws', 1)}",
        "frame-src": f"{here}{root_of(request)}{frames}",
        "base-uri": "'self'",
        "form-action": "'none'",
        "frame-ancestors": " ".join(["'self'", *within]),
    }
    return {
        "Content-Security-Policy": "; ".join(f"{name} {value}" for name, value in policy.items()),
        "Permissions-Policy": "camera=(self), microphone=(self), geolocation=()",
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
        "Cache-Control": "no-cache",
    }


def app_headers(request: Request, app: InstalledApp) -> dict[str, str]:
    """An app may load its own files and the SDK, talk to its hosts alone, and is of no origin.

    Whoever shows it elsewhere shows an app that nobody gives anything: only a page with a call
    hands it a port. So it says nothing of who may, which browsers would remember for a year.
    """
    here = _origin(request) + root_of(request)
    own = f"{here}/apps/{app.manifest.id}/{request.path_params['hash']}/"
    outside = "".join(f" {host}" for host in app.manifest.hosts)
    policy = {
        "sandbox": "allow-scripts allow-forms allow-downloads",
        "default-src": "'none'",
        "script-src": f"'unsafe-inline' {own} {here}/sdk/",
        "style-src": f"'unsafe-inline' {own} {here}/sdk/",
        "img-src": f"{own} data: blob:{outside}",
        "media-src": f"{own} data: blob:{outside}",
        "font-src": f"{own} data:",
        "connect-src": own + outside,
        "form-action": "'none'",
        "base-uri": "'none'",
    }
    return {
        "Content-Security-Policy": "; ".join(f"{name} {value}" for name, value in policy.items()),
        "Access-Control-Allow-Origin": "*",
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
        "Cache-Control": FOR_EVER,
    }


def with_sdk(request: Request, file: Path) -> str:
    """An app's page, in which `import … from "callmesh/app"` works without a build step."""
    sdk = f"{root_of(request)}/sdk/"
    imports = {f"callmesh/{name}": f"{sdk}{name}.js" for name in ("app", "react", "uplot")}
    head = (
        f'<script type="importmap">{json.dumps({"imports": imports})}</script>'
        f'<meta name="callmesh-sdk" content="{sdk}">'
    )
    page = file.read_text()
    place = page.lower().find("<head>")
    start = place + len("<head>") if place >= 0 else _after_doctype(page)
    return page[:start] + head + page[start:]


def _after_doctype(page: str) -> int:
    return page.find(">") + 1 if page.lstrip().lower().startswith("<!doctype") else 0
