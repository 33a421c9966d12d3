"""Colours and type in one place: Mantine's theme, two palettes and the plotly template made of each."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    import plotly.graph_objects as go

Scheme = Literal["light", "dark"]
SCHEME_COOKIE = "patchbay_theme"
FONT = "Inter, ui-sans-serif, -apple-system, 'Segoe UI', Roboto, 'Noto Sans', 'Liberation Sans', Arial, sans-serif"
MONO = "ui-monospace, SFMono-Regular, Menlo, Consolas, 'Liberation Mono', monospace"


@dataclass(frozen=True, slots=True)
class Palette:
    """What figures need to know of a colour scheme; `assets/patchbay.css` holds the same tokens for the page.

    `series` keeps at least 3:1 against `surface`, `text` and `muted` at least 4.5:1 (WCAG 2.2, 1.4.3 and 1.4.11).
    """

    scheme: Scheme
    surface: str
    text: str
    muted: str
    grid: str
    series: tuple[str, ...]
    scale: tuple[str, ...]


LIGHT = Palette(
    scheme="light",
    surface="#ffffff",
    text="#16202b",
    muted="#55637a",
    grid="#e8ecf1",
    series=("#0e7a6f", "#c2610c", "#4c51bf", "#c02670", "#4d7c0f", "#0b76b8", "#7e3fc4", "#6b5d4f"),
    scale=("#f0f7f6", "#d5ece8", "#b3ddd6", "#8ecbc1", "#68b8ac"),
)
DARK = Palette(
    scheme="dark",
    surface="#151c24",
    text="#e6ebf1",
    muted="#9fadbd",
    grid="#26313c",
    series=("#3cc9b5", "#f0a349", "#8f96f5", "#f178b0", "#a3d65c", "#58b7ee", "#c495f5", "#c2b3a3"),
    scale=("#1a2730", "#1a3a3e", "#1a4c4c", "#1b5e5a", "#1c7068"),
)
PALETTES: dict[str, Palette] = {"light": LIGHT, "dark": DARK}

TONES = {
    "active": "good",
    "installed": "good",
    "latest": "good",
    "ok": "good",
    "passed": "good",
    "ready": "good",
    "production": "brand",
    "required": "brand",
    "pre-release": "info",
    "reinstalled": "info",
    "staging": "info",
    "updated": "info",
    "deprecated": "warn",
    "removed": "warn",
    "failed": "bad",
    "unfixed": "bad",
    "withdrawn": "bad",
    "yanked": "bad",
}
"""The tint of words that are shown as badges; others are plain. The word itself carries the meaning."""
BRAND = ["#e9f7f5", "#d3eeea", "#a9ddd5", "#7bcbbf", "#52b8aa", "#2f9f91", "#178a7d", "#0e7a6f", "#0b635a", "#084b45"]
MANTINE_THEME: dict[str, Any] = {
    "primaryColor": "brand",
    "primaryShade": {"light": 7, "dark": 5},
    "colors": {"brand": BRAND},
    "fontFamily": FONT,
    "fontFamilyMonospace": MONO,
    "headings": {"fontFamily": FONT, "fontWeight": "650"},
    "defaultRadius": "md",
    "cursorType": "pointer",
    "respectReducedMotion": True,
    "autoContrast": True,
}


def palette(scheme: str | None) -> Palette:
    """The palette of a scheme; anything unknown is light."""
    return PALETTES.get(scheme or "light", LIGHT)


def template(colours: Palette) -> "go.layout.Template":
    """The plotly template of a palette: no frame, faint horizontal grid, unified hover."""
    import plotly.graph_objects as go

    axis = {"gridcolor": colours.grid, "linecolor": colours.grid, "zeroline": False, "tickcolor": colours.grid}
    axis |= {
        "automargin": True,
        "title": {"font": {"size": 12, "color": colours.muted}},
        "tickfont": {"size": 12},
        "ticklabelstandoff": 6,
    }
    return go.layout.Template(
        layout={
            "colorway": list(colours.series),
            "paper_bgcolor": "rgba(0,0,0,0)",
            "plot_bgcolor": "rgba(0,0,0,0)",
            "font": {"family": FONT, "size": 13, "color": colours.muted},
            "margin": {"l": 8, "r": 8, "t": 8, "b": 8},
            "hovermode": "x unified",
            "hoverlabel": {"bgcolor": colours.surface, "bordercolor": colours.grid, "font": {"color": colours.text}},
            "legend": {
                "orientation": "h",
                "traceorder": "normal",
                "y": 1.02,
                "yanchor": "bottom",
                "x": 0,
                "font": {"color": colours.text},
            },
            "xaxis": axis | {"showgrid": False},
            "yaxis": axis | {"rangemode": "tozero", "separatethousands": True},
        }
    )
