"""The dashboards application: Dash on its ASGI backend behind one gate.

Served by uvicorn, the server the registry API already runs on: no second server to learn or lock, exports stream
without holding a worker, and waiting for the API or a slow question blocks nobody.
"""

import importlib
import importlib.util
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any, cast

import dash
from dash import html
from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from dashboards import callbacks, gate
from dashboards.data import Data
from dashboards.export import Exports
from dashboards.kit import shell
from dashboards.kit.page import Component, find
from dashboards.kit.theme import SCHEME_COOKIE, Scheme
from dashboards.login import Login
from dashboards.pages import LOOKUPS, PAGES
from dashboards.registry import ApiRegistry, Registry
from dashboards.render import Renderer
from dashboards.session import Sessions, current_viewer, secret_key
from patchbay.core.settings import Settings
from warehouse.read import SnapshotReader

current_scheme: ContextVar[Scheme] = ContextVar("current_scheme", default="light")

INDEX = """<!doctype html>
<html lang="en">
<head>{%metas%}<title>Patchbay</title>{%favicon%}{%css%}<script src="/assets/theme.js"></script></head>
<body>{%app_entry%}<footer>{%config%}{%scripts%}{%renderer%}</footer></body>
</html>"""


def create_app(settings: Settings, registry: Registry | None = None) -> dash.Dash:
    """The Dash app for these settings; its ASGI application is `.server`. `registry` replaces the running API."""
    _load_pandas()
    registry = registry or ApiRegistry(settings)
    sessions = Sessions(secret_key(settings.secret_file("dashboards.key")), registry)
    renderer = Renderer(PAGES, LOOKUPS, Data(SnapshotReader(settings)), registry)
    server = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    _routes(server, sessions, registry, renderer)
    app = dash.Dash(
        "dashboards",
        server=cast(Any, server),
        serve_locally=True,
        suppress_callback_exceptions=True,
        title="Patchbay",
        update_title="",
        index_string=INDEX,
        meta_tags=[{"name": "color-scheme", "content": "light dark"}],
        enable_mcp=False,
        on_error=callbacks.report,
        assets_ignore=r"theme\.js",
    )
    app.backend.websocket_capability = False  # else every page tries a socket that the gate closes
    app.layout = _layout
    callbacks.register(app, renderer)
    # Dash 4.4 does so before the first answer of "/" only; any other page asked for first had no style sheet.
    app._setup_server()  # type: ignore[no-untyped-call]
    server.add_middleware(OnlyPages)
    server.add_middleware(gate.Gate, sessions=sessions, policy=gate.policy(list(app.csp_hashes())))
    return app


def _load_pandas() -> None:
    """Load pandas, where it is installed, before anyone asks anything.

    DuckDB would do so inside the first query's thread; plotly's JSON writer, meeting in another thread a module that is
    there but half loaded, then fails.
    """
    if importlib.util.find_spec("pandas"):
        importlib.import_module("pandas")


def _routes(server: FastAPI, sessions: Sessions, registry: Registry, renderer: Renderer) -> None:
    login, exports = Login(sessions, registry), Exports(renderer)
    routes: tuple[tuple[str, str, Callable[..., Any]], ...] = (
        ("GET", "/healthz", _healthy),
        ("GET", "/login", login.show),
        ("POST", "/login", login.submit),
        ("POST", "/logout", login.leave),
        ("GET", "/export/{card}.{kind}", exports.download),
    )
    for method, path, endpoint in routes:
        server.add_route(path, endpoint, methods=[method])


async def _healthy(request: Request) -> Response:
    """Ready as soon as it answers: pages need neither the API nor a snapshot to say what is missing."""
    return JSONResponse({"status": "ok"})


def _layout() -> Component:
    """The shell for whoever is looking. Outside a request, when Dash validates it, there is nobody and no layout."""
    viewer = current_viewer.get(None)
    return shell.frame(PAGES, viewer, current_scheme.get()) if viewer else html.Div()


class OnlyPages:
    """ASGI middleware: Dash answers every unknown path with its index; here only pages get it, the rest is 404.

    It also notes the colour scheme the browser asked for, so that the first paint is in it.
    """

    def __init__(self, app: Any) -> None:
        self.app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            request = Request(scope)
            current_scheme.set("dark" if request.cookies.get(SCHEME_COOKIE) == "dark" else "light")
            path = scope["path"]
            ours = path.startswith(("/_dash", "/_favicon.ico", "/assets/", "/export/")) or path in (
                "/healthz",
                "/login",
                "/logout",
            )
            if not ours and find(PAGES, gate.address(scope)) is None:
                await JSONResponse({"error": "no_such_page"}, status_code=404)(scope, receive, send)
                return
        await self.app(scope, receive, send)
