"""Figures are pure functions of a frame and a palette."""

from datetime import date, timedelta

import polars as pl

from dashboards.kit.figures import heatmap, lines, lines_by, stacked_bars
from dashboards.kit.theme import DARK, LIGHT

DAYS = [date(2026, 11, day) for day in range(1, 11)]
FRAME = pl.DataFrame({"day": DAYS, "uses": list(range(10)), "errors": [None, *range(9)]})


def test_a_gap_stays_a_gap_and_is_not_drawn_as_zero() -> None:
    drawn = lines(FRAME, "day", {"errors": "Errors"}, LIGHT).data[0]
    assert (drawn.y[0], drawn.connectgaps) == (None, False)


def test_a_stepping_line_holds_its_last_level_a_little_longer() -> None:
    drawn = lines(FRAME, "day", {"uses": "Uses"}, LIGHT, steps=True).data[0]
    assert (drawn.line.shape, drawn.y[-2:], drawn.x[-1]) == ("hv", (9, 9), DAYS[-1] + timedelta(days=1))


def test_one_single_day_is_a_mark_and_not_an_invisible_line() -> None:
    assert lines(FRAME.head(1), "day", {"uses": "Uses"}, LIGHT).data[0].mode == "markers"


def test_no_more_lines_are_drawn_than_can_be_told_apart() -> None:
    many = pl.DataFrame({"day": [DAYS[0]] * 30, "n": range(30), "who": [f"w{i}" for i in range(30)]})
    drawn = lines_by(many, "day", "n", "who", LIGHT).data
    assert len({trace.line.color for trace in drawn}) == len(drawn) == len(LIGHT.series)


def test_a_group_keeps_its_colour_when_filters_take_others_away() -> None:
    frame = pl.DataFrame(
        {"day": DAYS[:2] * 2, "n": [1, 2, 3, 4], "fate": ["accepted", "accepted", "rejected", "rejected"]}
    )
    both = stacked_bars(frame, "day", "n", "fate", LIGHT, ("accepted", "rejected"))
    one = stacked_bars(frame.filter(pl.col("fate") == "rejected"), "day", "n", "fate", LIGHT, ("accepted", "rejected"))
    assert both.data[1].marker.color == one.data[0].marker.color
    assert one.data[0].x == ("1 Nov 2026", "2 Nov 2026")


def test_the_same_figure_differs_between_schemes_in_colours_only() -> None:
    light, dark = (heatmap([[0.5, None]], ["0", "1"], ["Sep"], colours, "%{z}") for colours in (LIGHT, DARK))
    assert light.data[0].z == dark.data[0].z
    assert list(light.data[0].text[0]) == ["50%", ""]
    assert light.layout.template.layout.font.color != dark.layout.template.layout.font.color
