"""Filter controls, drawn from their specification; each is a labelled input whose value lives in the URL."""

from collections.abc import Callable

import dash_mantine_components as dmc
from dash import html

from dashboards.kit.aria import aria
from dashboards.kit.page import Component, Page
from dashboards.kit.urlstate import Choices, Filter, Selection

SEGMENTED_UP_TO = 4
TYPING_MILLISECONDS = 350
Lookup = Callable[[str], Choices | None]


def bar(page: Page, pick: Selection, lookup: Lookup) -> Component | None:
    """The filter bar of a page; None when it has no controls."""
    drawn = [control(f, pick[f.name], lookup) for f in page.filters if f.label]
    return html.Div(drawn, className="filters", role="search", **aria(label="Filters")) if drawn else None


def control(rule: Filter, value: str, lookup: Lookup) -> Component:
    """One control; short closed lists are buttons, longer ones a searchable list, the rest free text."""
    identity = {"type": "filter", "name": rule.name}
    choices = rule.choices or (lookup(rule.lookup) if rule.lookup else None)
    if rule.choices and len(rule.choices) <= SEGMENTED_UP_TO and not rule.wide:
        buttons = dmc.SegmentedControl(
            id=identity, value=value, size="sm", data=[{"value": v, "label": label} for v, label in rule.choices]
        )
        heading = html.Span(rule.label, className="control-label", id=f"label-{rule.name}")
        return html.Div([heading, buttons], className="control", role="group", **aria(labelledby=f"label-{rule.name}"))
    if choices is not None:
        data = [{"value": v, "label": label} for v, label in choices if v]
        return dmc.Select(
            id=identity,
            label=rule.label,
            value=value or None,
            data=data,
            searchable=True,
            limit=100,
            size="sm",
            clearable=not rule.default,
            placeholder=rule.unset if not rule.default else None,
            className="control",
            nothingFoundMessage="Nothing matches",
            allowDeselect=not rule.default,
        )
    return dmc.TextInput(
        id=identity,
        label=rule.label,
        value=value,
        debounce=TYPING_MILLISECONDS,
        size="sm",
        className="control grow",
        inputProps={"type": "search", "autoComplete": "off"},
    )


def ignored(pick: Selection) -> list[Component]:
    """A chip for each URL value that changed nothing, so that nobody trusts a filter that is not there."""
    return [
        html.Span(
            [html.B("Ignored"), f" {name}={value[:60]}"],
            className="chip ignored",
            role="note",
            title="Not a filter of this page",
        )
        for name, value in pick.ignored
    ]
