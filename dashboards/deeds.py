"""The callbacks of deeds: a pressed button asks first where something changes, then has the API do it, then tells."""

import asyncio
import logging
from typing import Any

import dash
from dash import ALL, Input, Output, State, no_update

from dashboards.kit import deeds
from dashboards.kit.page import Deed, Told
from dashboards.registry import Refused, Unreachable
from dashboards.render import Renderer
from dashboards.session import current_viewer

log = logging.getLogger(__name__)
UNKNOWN = Told("This page does not offer that.")


def register(app: dash.Dash, renderer: Renderer) -> None:
    """Attach the callbacks to an app."""
    _press(app, renderer)
    _confirm(app, renderer)
    _leave(app)


def _leave(app: dash.Dash) -> None:
    """What came of a deed is said on its own page only."""

    @app.callback(Output("told", "children", allow_duplicate=True), Input("url", "pathname"), prevent_initial_call=True)
    async def leave(_pathname: str) -> None:
        return None


def _press(app: dash.Dash, renderer: Renderer) -> None:
    @app.callback(
        Output("deed", "data"),
        Output("deed-modal", "opened"),
        Output("deed-question", "children"),
        Output("deed-trouble", "children"),
        Output("told", "children"),
        Output("drawer", "opened", allow_duplicate=True),
        Output("drawer", "title", allow_duplicate=True),
        Output("drawer", "children", allow_duplicate=True),
        Input({"type": "deed", "name": ALL, "on": ALL, "about": ALL}, "n_clicks"),
        Input("deed-leave", "n_clicks"),
        State("url", "pathname"),
        State("url", "search"),
        prevent_initial_call=True,
    )
    async def press(_clicks: Any, _leave: Any, pathname: str, search: str | None) -> tuple[Any, ...]:
        pressed = dash.ctx.triggered_id
        if pressed == "deed-leave":
            return None, False, None, None, *[no_update] * 4
        if pressed is None or not dash.ctx.triggered[0]["value"]:
            return (no_update,) * 8
        deed = _deed(renderer, pathname, search, pressed["name"])
        if deed is None or deed.confirm:
            shown = deeds.question(deed, pressed["about"]) if deed else None
            return pressed, deed is not None, shown, None, *[no_update] * 4
        told = await asyncio.to_thread(perform, renderer, deed, pressed["on"], "")
        return *[no_update] * 4, told.sentence, told.shown is not None, deed.label, told.shown


def _confirm(app: dash.Dash, renderer: Renderer) -> None:
    @app.callback(
        Output("deed-modal", "opened", allow_duplicate=True),
        Output("deed-trouble", "children", allow_duplicate=True),
        Output("told", "children", allow_duplicate=True),
        Output("done", "data"),
        Input("deed-confirm", "n_clicks"),
        State("deed", "data"),
        State({"type": "deed-reason", "name": ALL}, "value"),
        State("url", "pathname"),
        State("url", "search"),
        running=[(Output("deed-confirm", "disabled"), True, False)],
        prevent_initial_call=True,
    )
    async def confirm(
        clicks: int, chosen: dict[str, str] | None, reasons: list[str | None], pathname: str, search: str | None
    ) -> tuple[Any, ...]:
        deed = _deed(renderer, pathname, search, chosen["name"]) if chosen else None
        if deed is None or chosen is None:
            return False, None, UNKNOWN.sentence, no_update
        reason = next((text.strip() for text in reasons if text), "")
        if deed.reasoned and not reason:
            return no_update, "Please give a reason.", no_update, no_update
        try:
            told = await asyncio.to_thread(_perform, renderer, deed, chosen["on"], reason)
        except (Refused, Unreachable) as error:
            return no_update, trouble(error), no_update, no_update
        return False, None, told.sentence, clicks


def _deed(renderer: Renderer, pathname: str, search: str | None, name: str) -> Deed | None:
    place = renderer.place(current_viewer.get(), pathname, search, None)
    return place.page.deed(name) if place else None


def perform(renderer: Renderer, deed: Deed, subject: str, reason: str) -> Told:
    """Do it as whoever is looking; what stands in the way is told in the place of an outcome."""
    try:
        return _perform(renderer, deed, subject, reason)
    except (Refused, Unreachable) as error:
        return Told(trouble(error))


def _perform(renderer: Renderer, deed: Deed, subject: str, reason: str) -> Told:
    viewer, answers = current_viewer.get(), renderer.sources.answers
    told = answers.registry.run(viewer.token, lambda client: deed.act(client, subject, reason))
    answers.forget(viewer)
    log.info("%s by %s on %s", deed.name, viewer.email, subject)
    return told


def trouble(error: Refused | Unreachable) -> str:
    """Why nothing, or nobody knows what, was done."""
    if isinstance(error, Refused):
        return f"The registry refused. {error}"
    return "The registry does not answer; look again before you repeat it."
