"""Colours: one set of tokens for page and figures, readable in both schemes."""

import re
from pathlib import Path

import pytest

from dashboards.kit.theme import DARK, LIGHT, Palette, palette, template

CSS = Path(__file__).resolve().parents[3] / "dashboards" / "assets" / "patchbay.css"


def luminance(colour: str) -> float:
    """Relative luminance, WCAG 2.2."""
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def tokens(scheme: str) -> dict[str, str]:
    """The scheme's custom properties in the style sheet."""
    head = ':root[data-mantine-color-scheme="dark"] {' if scheme == "dark" else ":root {"
    block = CSS.read_text().split(head, 1)[1].split("}", 1)[0]
    return dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", block))


@pytest.mark.parametrize("colours", [LIGHT, DARK], ids=lambda c: c.scheme)
def test_figures_and_pages_have_the_same_colours(colours: Palette) -> None:
    page = tokens(colours.scheme)
    assert (page["surface"], page["text"], page["muted"]) == (colours.surface, colours.text, colours.muted)
    assert page["accent"] == colours.series[0]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_has_enough_contrast(scheme: str) -> None:
    page = tokens(scheme)
    pairs = [
        ("text", "surface"),
        ("muted", "surface"),
        ("muted", "ground"),
        ("muted", "plain-soft"),
        ("accent", "surface"),
        ("accent", "accent-soft"),
    ]
    pairs += [(tone, f"{tone}-soft") for tone in ("good", "warn", "bad", "info")]
    weak = {
        pair: contrast(page[pair[0]], page[pair[1]]) for pair in pairs if contrast(page[pair[0]], page[pair[1]]) < 4.5
    }
    assert not weak


@pytest.mark.parametrize("colours", [LIGHT, DARK], ids=lambda c: c.scheme)
def test_lines_and_cells_can_be_told_from_the_ground(colours: Palette) -> None:
    assert all(contrast(colour, colours.surface) >= 3 for colour in colours.series)
    assert all(contrast(colours.text, cell) >= 4.5 for cell in colours.scale)


def test_an_unknown_scheme_is_light() -> None:
    assert palette("neon") is LIGHT
    assert template(DARK).layout.font.color == DARK.muted
