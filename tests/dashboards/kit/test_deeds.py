"""Buttons for deeds, and what is asked before one is done."""

from collections.abc import Callable
from dataclasses import replace

from dashboards.kit import deeds
from dashboards.kit.page import Deed, Scope, Told
from dashboards.kit.theme import palette
from dashboards.kit.urlstate import parse
from dashboards.session import Viewer
from patchbay.core.clock import utcnow

STOP = Deed("stop", "Stop", lambda *_: Told("done"), "automation:write", "Nothing of it is begun.", reasoned=True)


def scope(viewer: Viewer, *rights: str) -> Scope:
    return Scope(replace(viewer, scopes=rights), "/automation", {}, parse((), ""), palette("light"), utcnow())


def test_who_lacks_the_right_gets_no_button(viewer_of: Callable[[str], Viewer]) -> None:
    ada = viewer_of("acme")
    assert deeds.button(STOP, "rule:x", scope(ada, "automation:read"), "x") is None
    assert deeds.button(STOP, "rule:x", scope(ada, "automation:write"), "x") is not None


def test_the_question_names_what_the_pressed_button_was_about() -> None:
    asked = str(deeds.question(STOP, "Mail on load"))
    assert "Stop Mail on load" in asked
    assert "Nothing of it is begun." in asked
    assert "Reason" in asked
