"""Line icons, drawn by CSS masks from one local sheet so that they take the text's colour."""

from dash import html

from dashboards.kit.aria import aria
from dashboards.kit.page import Component


def icon(name: str) -> Component:
    """A decorative icon; whatever it means must also be said in words."""
    return html.Span(className=f"icon icon-{name}", **aria(hidden="true"))
