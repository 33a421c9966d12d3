"""The frame around every page: header, navigation, and the places that callbacks fill."""

from collections.abc import Iterable

import dash_mantine_components as dmc
from dash import dcc, html

from dashboards.kit import deeds
from dashboards.kit.aria import aria
from dashboards.kit.icons import icon
from dashboards.kit.page import Component, Page
from dashboards.kit.theme import MANTINE_THEME, Scheme
from dashboards.session import Viewer

FRESHNESS_MILLISECONDS = 60_000


def frame(pages: Iterable[Page], viewer: Viewer, scheme: Scheme) -> Component:
    """The whole document for one viewer; the router fills `page`."""
    links = [_nav_link(page) for page in pages if page.menu]
    shell = dmc.AppShell(
        [
            dmc.AppShellHeader(_header(viewer, scheme), className="header"),
            dmc.AppShellNavbar(html.Nav(links, **aria(label="Pages")), id="navbar", className="navbar"),
            dmc.AppShellMain(
                html.Main(
                    [html.Div(id="ignored", className="chips"), html.Div(id="page")],
                    id="main",
                    className="page",
                    tabIndex=-1,
                ),
                className="main",
            ),
        ],
        id="app-shell",
        header={"height": 56},
        navbar={"width": 216, "breakpoint": "sm", "collapsed": {"mobile": True}},
        padding=0,
    )
    return dmc.MantineProvider(
        [
            html.A("Skip to content", href="#main", className="skip-link"),
            shell,
            *_stores(scheme),
            _drawer(),
            *deeds.dialog(),
        ],
        id="provider",
        theme=MANTINE_THEME,
        forceColorScheme=scheme,
    )


def _nav_link(page: Page) -> Component:
    exact = "exact" if page.path == "/" else "partial"
    return dmc.NavLink(
        label=page.title, leftSection=icon(page.menu or ""), href=page.path, active=exact, id=f"nav-{page.name}"
    )


def _header(viewer: Viewer, scheme: Scheme) -> Component:
    brand = dcc.Link(
        [html.Img(src="/assets/logo.svg", alt="", width=28, height=28), html.Span("Patchbay")],
        href="/",
        className="brand",
    )
    burger = dmc.Burger(id="burger", size="sm", hiddenFrom="sm", opened=False, **aria(label="Open navigation"))
    toggle = dmc.ActionIcon(
        [html.Span(icon("moon"), className="when-light"), html.Span(icon("sun"), className="when-dark")],
        id="theme-toggle",
        variant="subtle",
        color="gray",
        size="lg",
        **aria(label=f"Switch to {'light' if scheme == 'dark' else 'dark'} colours"),
    )
    return html.Div(
        [
            html.Div([burger, brand, html.Span(viewer.tenant_name, className="tenant", title="Your organisation")]),
            html.Div([html.Div(id="freshness"), toggle, _account(viewer)]),
        ],
        className="header-row",
    )


def _account(viewer: Viewer) -> Component:
    leave = html.Form(
        html.Button([icon("leave"), "Log out"], type="submit", className="menu-button"), action="/logout", method="post"
    )
    letters = "".join(word[0] for word in viewer.display_name.split()[:2]).upper() or "?"
    target = html.Button(
        letters, className="avatar", id="account", type="button", **aria(label=f"Account of {viewer.display_name}")
    )
    about = html.Div(
        [html.Strong(viewer.display_name), html.Span(viewer.email), html.Span(viewer.role.replace("_", " "))]
    )
    menu = dmc.MenuDropdown([html.Div(about, className="account-about"), leave])
    return dmc.Menu([dmc.MenuTarget(target, boxWrapperProps={}), menu], position="bottom-end", shadow="md", width=220)


def _stores(scheme: Scheme) -> list[Component]:
    return [
        dcc.Location(id="url", refresh="callback-nav"),
        dcc.Store(id="theme", data=scheme),
        dcc.Store(id="snapshot"),
        dcc.Store(id="focus"),
        dcc.Interval(id="tick", interval=FRESHNESS_MILLISECONDS),
    ]


def _drawer() -> Component:
    return dmc.Drawer(
        id="drawer",
        title="What stands behind it",
        position="right",
        size="lg",
        closeButtonProps={"aria-label": "Close"},
        className="sql-drawer",
    )
