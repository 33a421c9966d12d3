"""Buttons for what a person may have the API do, and the dialog that asks before it is done."""

import dash_mantine_components as dmc
from dash import dcc, html

from dashboards.kit.aria import aria
from dashboards.kit.page import Component, Deed, Scope

LONGEST_REASON = 200


def button(deed: Deed, subject: str, scope: Scope, about: str = "") -> Component | None:
    """The deed's button for one subject, `about` naming it to who cannot see where it stands; None without the right."""
    if deed.needs not in scope.viewer.scopes:
        return None
    return dmc.Button(
        deed.label,
        id={"type": "deed", "name": deed.name, "on": subject, "about": about},
        size="xs",
        variant="default",
        className="deed grave" if deed.grave else "deed",
        **aria(label=f"{deed.label} {about}".strip()),
    )


def dialog() -> list[Component]:
    """The one dialog of the app, filled when a button is pressed, and the line that says what came of it."""
    actions = html.Div(
        [
            dmc.Button("Leave it", id="deed-leave", variant="default"),
            dmc.Button("Confirm", id="deed-confirm"),
        ],
        className="deed-actions",
    )
    body = [html.Div(id="deed-question"), html.Div(id="deed-trouble", role="alert"), actions]
    modal = dmc.Modal(
        body, id="deed-modal", title="Are you sure?", centered=True, closeButtonProps={"aria-label": "Close"}
    )
    told = html.Div(id="told", className="told", role="status")
    return [modal, told, dcc.Store(id="deed"), dcc.Store(id="done")]


def question(deed: Deed, about: str) -> Component:
    """What the dialog asks, of what the pressed button was about, with room for a reason where one is wanted."""
    asked = html.P([html.Strong(f"{deed.label} {about}".strip()), html.Br(), deed.confirm])
    reason = dmc.TextInput(
        id={"type": "deed-reason", "name": deed.name},
        label="Reason",
        description="It is kept in the audit.",
        attributes={"input": {"maxLength": LONGEST_REASON}},
        required=True,
    )
    return html.Div([asked, *([reason] if deed.reasoned else [])], className="deed-question")
