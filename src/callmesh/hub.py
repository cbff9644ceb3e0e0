"""The hub as an ASGI application: the call page, the apps, and a socket per call, on one port."""

import asyncio
import contextlib
import html
import logging
import re
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeAlias
from urllib.parse import urlsplit

from msgspec import to_builtins
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import (
    FileResponse,
    HTMLResponse,
    JSONResponse,
    PlainTextResponse,
    RedirectResponse,
    Response,
)  # fmt: skip
from starlette.routing import BaseRoute, Mount, Route, WebSocketRoute
from starlette.staticfiles import StaticFiles
from starlette.types import Scope
from starlette.websockets import WebSocket

from callmesh import retention as retaining
from callmesh.auth import Authority, read_secret
from callmesh.catalog import Catalog
from callmesh.depot import Depot
from callmesh.errors import BadInput, BadName
from callmesh.fetching import Fetching
from callmesh.folder import APPS, CURSORS, DATABASE, FILES, alone_in
from callmesh.guard import ApiKey
from callmesh.guise import Guise
from callmesh.headers import BoundedHeaders, NoSockets, ThisMachineAlone
from callmesh.icesettings import ice_servers
from callmesh.ids import call_id
from callmesh.limits import Limits
from callmesh.links import Links
from callmesh.live import LiveHub
from callmesh.manifest import schema_text
from callmesh.operations import Operations
from callmesh.operator import Operator
from callmesh.outbound import Outbound
from callmesh.pages import PAGE, OpenFiles, app_headers, page_of, root_of, with_sdk
from callmesh.ports import Storage
from callmesh.settings import Settings
from callmesh.storage.blobs import Blobs
from callmesh.storage.sqlite import SqliteStorage
from callmesh.supervisor import Supervisor
from callmesh.tokens import HOOKS_RECIPE, Key, recipe
from callmesh.transport.asgi import LINK, AsgiLink

if TYPE_CHECKING:
    from callmesh.webhooks import Webhooks

LOOPBACK = ("127.0.0.1", "localhost", "[::1]", "::1")
NEAR = ("http://localhost:*", "http://127.0.0.1:*")
"""Whose pages may show a stage while an author tries it."""
FIRST_CALL = "demo"
ERROR_PAGE = """<!doctype html><html lang="en"><meta charset="utf-8">
<meta name="viewport" content="width=device-width"><title>callmesh</title>
<style>body {{ font: 1.1rem/1.5 system-ui; color-scheme: light dark; margin: 20vh auto;
max-width: 32rem; padding: 0 1rem }}</style>
<h1>This link leads nowhere</h1><p>{words}</p>
<p>A call's address looks like <code>{root}/call/name</code>. Ask for the link once more.</p>
"""

NOT_RUNNING = (
    "The hub is not running. Where it is mounted into another application, hand its lifespan to "
    "that one: FastAPI(lifespan=hub.lifespan)."
)

log = logging.getLogger("callmesh.hub")
Lifespan: TypeAlias = Callable[[Starlette], contextlib.AbstractAsyncContextManager[None]]


class Application(Starlette):
    """A hub as an ASGI application, to be served by itself or mounted into another.

    `lifespan(app)` is entered once, by whoever serves it: the hub saves what is written while it
    lasts. A server does so for an application it serves, and nobody does for one that is mounted.
    """

    def __init__(
        self, routes: Sequence[BaseRoute], middleware: Sequence[Middleware], lifespan: Lifespan
    ) -> None:
        self.lifespan = lifespan
        super().__init__(
            routes=routes,
            exception_handlers={HTTPException: _explain},
            middleware=middleware,
            lifespan=lifespan,
        )


def asgi(
    *,
    data: Path,
    key: Path | None = None,
    dev: bool = False,
    apps: Sequence[Path] = (),
    waiting_area: bool | None = None,
    api_key: Path | None = None,
    retention: int | None = None,
    webhook_url: Sequence[str] = (),
    webhook_secret: Path | None = None,
    embed: Sequence[str] = (),
    ice_server: Sequence[str] = (),
    turn_secret: Path | None = None,
    ice_policy: Literal["all", "relay"] = "all",
    python: bool = True,
    limits: Limits = Limits(),  # noqa: B008 - frozen
) -> Application:
    """The hub as an application over the folder `data`, with the built-in apps and `apps`.

    `key` is the file that tokens are checked with (`callmesh.tokens`). With `dev` instead of one
    the hub lets in whoever asks, from this machine alone and through no proxy. `waiting_area` is
    whether guests wait until a host lets them in; unset, they do where there is a key. `api_key` is
    the file with the key of the operator's API; without one there is none. `retention` is after how
    many days a call that nobody was in is deleted. What happens in calls is sent to each
    `webhook_url`, signed with what is in the file `webhook_secret`. `embed` are the origins of
    pages that may show the stage of a call in a frame. `ice_server` are STUN and TURN servers,
    `turn_secret` is the file with what TURN servers share with the hub, and with `ice_policy`
    "relay" peers reach each other by these alone. `python` is whether the Python halves of apps
    run. Raises `BadInput` or `StorageFailed`.

    Mounted into another application, that one needs its lifespan: `FastAPI(lifespan=hub.lifespan)`.
    """
    if dev == (key is not None):
        raise BadInput(
            "a hub needs a key to know who may come in, or to be for this machine alone: make one "
            f"with `{recipe('callmesh.key')}` and say key=Path('callmesh.key'), or say dev=True"
        )
    authority = Authority(read_secret(data), Key.read(key) if key else None)
    settings = Settings(
        data=data, key=key, dev=dev, apps=tuple(apps), waiting_area=waiting_area, limits=limits,
        api_key=api_key, retention=retention, webhook_url=tuple(webhook_url),
        webhook_secret=webhook_secret, embed=tuple(embed), ice_server=tuple(ice_server),
        turn_secret=turn_secret, ice_policy=ice_policy, python=python,
    )  # fmt: skip
    storage = SqliteStorage(data / DATABASE)
    catalog, files = Catalog(apps, data / APPS), Blobs(data / FILES)
    return application(storage, catalog, authority, settings, alone_in(data), files)


def application(
    storage: Storage,
    catalog: Catalog,
    authority: Authority,
    settings: Settings = Settings(),  # noqa: B008 - frozen
    inside: contextlib.AbstractContextManager[None] | None = None,
    blobs: Blobs | None = None,
) -> Application:
    """The same, of parts. `inside` is entered while it runs. Without `blobs`, kept files are lost

    with the process.

    `app.state.live` is the `LiveHub`: `drain` it before it is closed.
    """
    live = LiveHub(
        storage, catalog, authority, limits=settings.limits, waiting_area=settings.waiting_area,
        ice=ice_servers(settings), blobs=blobs,
    )  # fmt: skip
    depot = Depot(live, authority)
    outbound = Outbound(private=settings.fetch_private, dev=settings.dev)
    fetching = Fetching(live, authority, outbound)
    operator = Operator(live, authority, keep=settings.retention or 0)
    hooks = _hooks(live, settings)
    halves = Supervisor(live, catalog, authority, allowed=settings.python)
    beside = [depot.follow, lambda: retaining.follow(operator), halves.follow]
    beside += [hooks.follow] if hooks else []
    hub = Hub(
        live,
        Links(live, authority),
        catalog,
        is_open=authority.is_open,
        embed=settings.embed,
        reached=halves.reached,
        inside=inside or contextlib.nullcontext(),
        beside=beside,
    )
    alone = [
        Middleware(ThisMachineAlone),
        Middleware(TrustedHostMiddleware, allowed_hosts=[*LOOPBACK]),
    ]
    app = Application(
        routes=[
            Route("/", hub.front),
            Route("/call/{call}", hub.page),
            Route("/call/{call}/stage", hub.stage),
            WebSocketRoute("/call/{call}/socket", hub.socket),
            *depot.routes(),
            *fetching.routes(),
            Route("/api/apps", hub.apps),
            *_api(operator, settings, hooks),
            Route("/apps/manifest.schema.json", hub.schema),
            Route("/apps/{app}/{hash}/{file:path}", hub.app_file),
            Mount("/sdk", NoSockets(OpenFiles(directory=PAGE / "sdk", check_dir=False))),
            Mount("/page", NoSockets(StaticFiles(directory=PAGE, check_dir=False))),
            *(hub.trying() if authority.is_open else ()),
            *Operations(live, settings).routes(),
        ],
        middleware=[Middleware(BoundedHeaders), *(alone if authority.is_open else ())],
        lifespan=hub.lifespan,
    )
    app.state.live = live
    return app


def _hooks(live: LiveHub, settings: Settings) -> "Webhooks | None":
    """What tells the operator's endpoints what happens, where there are any."""
    if not settings.webhook_url:
        return None
    if settings.webhook_secret is None:
        raise BadInput(
            f"what is sent to webhook_url is signed: make a secret with `{HOOKS_RECIPE}`, and set "
            "webhook_secret to its file"
        )
    with _extra("webhooks need"):
        from callmesh.webhooks import Secret, Webhooks
    secret = Secret.read(settings.webhook_secret)
    return Webhooks(live, settings.webhook_url, secret, settings.data / CURSORS)


def _api(operator: Operator, settings: Settings, hooks: "Webhooks | None") -> list[BaseRoute]:
    """The operator's API, where there is a key for it."""
    if settings.api_key is None:
        return []
    key = ApiKey.read(settings.api_key, settings.key)
    with _extra("the operator's API needs"):
        from callmesh.api import api
    answers = NoSockets(api(operator, key, settings.url, hooks))
    mount = Mount("/api", answers)
    mount.path_regex = re.compile(mount.path_regex.pattern, re.DOTALL)  # line breaks, no way around
    return [Route("/api", answers), mount]  # without the route it would send on to /api/


@contextlib.contextmanager
def _extra(what: str) -> Iterator[None]:
    """What costs much is imported where it is wanted, and may not be installed."""
    try:
        yield
    except ImportError as error:
        raise BadInput(f"{what} more packages: pip install 'callmesh[api]'") from error


class Hub:
    def __init__(
        self,
        live: LiveHub,
        links: Links,
        catalog: Catalog,
        *,
        is_open: bool,
        embed: Sequence[str] = (),
        reached: Callable[[Scope], None],
        inside: contextlib.AbstractContextManager[None],
        beside: Sequence[Callable[[], Coroutine[None, None, None]]],
    ) -> None:
        """`reached` is told of each link; `beside` is what else runs while it does."""
        self._reached = reached
        self._inside = inside
        self._beside = beside
        self._live = live
        self._links = links
        self._catalog = catalog
        self._followed = catalog.changes
        """Which of its changes the calls go by."""
        self._is_open = is_open
        self._embed = [*embed, *(NEAR if is_open else ())]

    @contextlib.asynccontextmanager
    async def lifespan(self, app: Starlette) -> AsyncIterator[None]:
        with self._inside:
            async with self._live.running():
                tasks = [asyncio.create_task(run()) for run in self._beside]
                for task in tasks:
                    task.add_done_callback(_ended)
                try:
                    yield
                finally:
                    for task in tasks:
                        task.cancel()
                    await asyncio.gather(*tasks, return_exceptions=True)
        log.info("stopped")

    async def front(self, request: Request) -> Response:
        if not self._is_open:
            raise HTTPException(404, "Calls are opened by invitations, and this is none.")
        return RedirectResponse(f"{root_of(request)}/call/{FIRST_CALL}")

    async def page(self, request: Request) -> Response:
        self._check_call(request)
        return page_of(request, "index.html")

    async def stage(self, request: Request) -> Response:
        """The stage of a call alone, for other pages to show (G40)."""
        self._check_call(request)
        return page_of(request, "stage.html", within=self._embed)

    def _check_call(self, request: Request) -> None:
        try:
            call_id(request.path_params["call"])
        except BadName as error:
            raise HTTPException(404, f"There is no such call: {error}.") from error
        if not self._live.runs:
            raise HTTPException(503, NOT_RUNNING)

    def trying(self) -> list[BaseRoute]:
        """Where an author sees an app as several people at once (A14)."""
        return [Route("/dev/{app}", self.dev), Route("/dev/{app}/seat", self.seat)]

    async def dev(self, request: Request) -> Response:
        id = request.path_params["app"]
        await self._refresh()
        if id not in self._catalog.apps:
            raise HTTPException(404, f"This hub has no app called {id}.")
        return page_of(request, "dev.html", frames="/dev/")

    async def seat(self, request: Request) -> Response:
        return page_of(request, "seat.html")

    async def socket(self, websocket: WebSocket) -> None:
        if not _same_origin(websocket):
            await websocket.close(4401, "foreign origin")
            return
        if not self._live.runs:
            await websocket.send_denial_response(PlainTextResponse(NOT_RUNNING, 503))
            return
        if self._is_open and self._catalog.stale:  # an author who tries a program, without a page
            await self._refresh()
        self._reached(websocket.scope)
        await websocket.accept()
        call = websocket.path_params["call"]
        link = websocket.scope.get("extensions", {}).get(LINK)
        if link is None:
            await self._links.serve(call, AsgiLink(websocket))
        else:  # all that stood between the server and us is let go of
            link.served_by = partial(self._links.serve, call, link)

    async def apps(self, request: Request) -> Response:
        """What there is to add as it is now, so that an author who reloads sees the latest."""
        await self._refresh()
        root = root_of(request)
        return JSONResponse(
            [
                {
                    "id": app.manifest.id,
                    "name": app.manifest.name,
                    "description": app.manifest.description,
                    "version": app.manifest.version,
                    "entry": app.manifest.entry,
                    "icon": app.manifest.icon,
                    "state": app.manifest.state.version,
                    "add": app.manifest.add,
                    "size": to_builtins(app.manifest.size),
                    "languages": to_builtins(app.manifest.languages),
                    "afterwards": app.manifest.afterwards,
                    "capabilities": app.manifest.capabilities,
                    "hosts": app.manifest.hosts,
                    "python": app.manifest.python != "",
                    "base": f"{root}/apps/{app.manifest.id}/{app.hash}/",
                    "problem": (app.problem or None) if self._is_open else None,
                }
                for app in self._catalog.apps.values()
            ]
        )

    async def schema(self, request: Request) -> Response:
        """The form of a manifest, for editors."""
        headers = {"Access-Control-Allow-Origin": "*", "X-Content-Type-Options": "nosniff"}
        return Response(schema_text(), media_type="application/schema+json", headers=headers)

    async def _refresh(self) -> None:
        await run_in_threadpool(self._catalog.refresh)
        if self._followed != self._catalog.changes:
            self._followed = self._catalog.changes
            self._live.apps_changed()

    async def app_file(self, request: Request) -> Response:
        guise = Guise(request.path_params["hash"] if self._is_open else "")
        hash = guise.hash or request.path_params["hash"]
        app = self._catalog.version(request.path_params["app"], hash)
        path = app.file(request.path_params["file"]) if app else None
        if app is None or path is None:
            raise HTTPException(404, "This app has no such file, or none such any more.")
        headers = app_headers(request, app)
        if path.suffix == ".html":
            return HTMLResponse(guise.page(with_sdk(request, path)), headers=headers)
        if path.suffix == ".css" and guise.theme:
            return Response(guise.style(path.read_text()), media_type="text/css", headers=headers)
        return FileResponse(path, headers=headers)


def _ended(task: asyncio.Task[None]) -> None:
    """What runs beside a hub runs as long as it does."""
    if not task.cancelled() and (error := task.exception()):
        log.error("something beside the hub has failed", exc_info=error)


async def _explain(request: Request, error: Exception) -> Response:
    """A wrong address, in words for whoever typed it."""
    assert isinstance(error, HTTPException)
    words = error.detail if error.detail != "Not Found" else "There is nothing at this address."
    return HTMLResponse(
        ERROR_PAGE.format(words=html.escape(words), root=root_of(request)), error.status_code
    )


def _same_origin(websocket: WebSocket) -> bool:
    """Whether a page of ours opens this socket, or no page at all: a program sends no Origin."""
    origin = websocket.headers.get("origin")
    try:
        return origin is None or urlsplit(origin).netloc == websocket.url.netloc
    except ValueError:
        return False
