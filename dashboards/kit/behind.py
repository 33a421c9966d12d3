"""What stands behind a card, for the drawer: a statement with its parameters, or the routes that were asked."""

from collections.abc import Sequence

import dash_mantine_components as dmc
from dash import dcc, html

from dashboards.kit import format as f
from dashboards.kit.page import Call, Component
from dashboards.queries.question import Question
from dashboards.registry import Route
from warehouse.read import Snapshot


def of_question(question: Question, snapshot: Snapshot) -> Component:
    """A question to the snapshot, on its own."""
    return html.Div([html.P(question.summary), *_statement(question), html.H3("Source"), *_source(question, snapshot)])


def of_call(call: Call, read: Sequence[Route | Question], snapshot: Snapshot | None) -> Component:
    """The routes that were asked, in order, and what of the snapshot was set beside them."""
    routes = [asked for asked in read if isinstance(asked, Route)]
    questions = [asked for asked in read if isinstance(asked, Question)]
    beside: list[Component] = [html.H3("Set beside it")] if questions and routes else []
    for question in questions:
        beside += [html.P(question.summary), *_statement(question)]
    source = [html.H3("Source"), *_source(questions[0], snapshot)] if questions and snapshot else []
    lead = "Send it with your own token; the registry answers what your role may see." if routes else ""
    return html.Div([html.P(call.summary), *_requests(routes), html.P(lead), *beside, *source])


def _requests(routes: Sequence[Route]) -> list[Component]:
    lines = [asked.text + (f"\nPatchbay-Tenant: {asked.tenant}" if asked.tenant else "") for asked in routes]
    return [_code(line) for line in lines]


def _statement(question: Question) -> list[Component]:
    given = [
        html.Tr([html.Th(f"${name}", scope="row"), html.Td(repr(value))]) for name, value in question.params.items()
    ]
    table = [html.Div([html.H3("Parameters"), html.Table(html.Tbody(given))])] if given else []
    return [_code(question.text), *table]


def _source(question: Question, snapshot: Snapshot) -> list[Component]:
    return [
        html.P(["Tables: ", html.Code(", ".join(question.tables) or "none")]),
        html.P(["Snapshot: ", html.Code(snapshot.snapshot_id), f", published {f.moment(snapshot.published_at)}"]),
    ]


def _code(text: str) -> Component:
    return html.Div(
        [dmc.Code(text, block=True), dcc.Clipboard(content=text, title="Copy", className="copy")], className="sql"
    )
