"""What problems mean, for people and programs that follow a `type` to its text."""

from html import escape

from registry_api.problem_pages import PAGES
from registry_api.problems import PROBLEM_BASE, NotFound, Problem
from registry_api.system.schemas import ProblemPage


def problem_page(code: str) -> ProblemPage:
    """The page of a code; raises `NotFound`."""
    kind = kinds().get(code)
    if kind is None or code not in PAGES:
        raise NotFound("There is no such problem; docs/reference/problems.md lists every code.")
    when, fix = PAGES[code]
    return ProblemPage(
        type=PROBLEM_BASE + code, code=code, title=kind.title, status=int(kind.status), when=when, fix=fix
    )


def as_html(page: ProblemPage) -> str:
    """The page for a browser; nothing in it is loaded from elsewhere."""
    title, when, fix = escape(page.title), escape(page.when), escape(page.fix)
    head = f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title>'
    return (
        f"{head}<h1>{title}</h1><p>{page.status} <code>{page.code}</code>: {when}.</p><p>What to do: {fix}.</p></html>"
    )


def kinds(kind: type[Problem] = Problem) -> dict[str, type[Problem]]:
    """Every problem that is loaded, by code."""
    found = {kind.code: kind}
    for below in kind.__subclasses__():
        found |= kinds(below)
    return found
