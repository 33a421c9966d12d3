"""A card's states, and what each offers."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from dashboards.access import Answers
from dashboards.data import Data
from dashboards.kit.cards import Sources, View, answer
from dashboards.kit.page import Card, find
from dashboards.pages import LOOKUPS, PAGES
from dashboards.queries.question import Question
from dashboards.render import Renderer
from dashboards.session import Viewer
from patchbay.core.settings import Settings
from tests.dashboards import world
from tests.dashboards.conftest import TENANTS, Desk
from warehouse.read import SnapshotReader

Show = Callable[..., str]


@pytest.fixture
def show(data: Data, desk: Desk, viewer_of: Callable[[str], Viewer]) -> Show:
    """A card at an address as the JSON the browser gets."""

    def act(
        card_id: str,
        address: str,
        search: str = "",
        *,
        view: View = "chart",
        source: Data = data,
        card: Card | None = None,
    ) -> str:
        renderer = Renderer(PAGES, LOOKUPS, source, desk)
        place = renderer.place(viewer_of("acme"), address, search, "light")
        assert place is not None
        shown = (
            answer(card, place.scope, Sources(source, Answers(desk)), view)
            if card
            else renderer.card(place, card_id, view)
        )
        return str(shown.to_plotly_json() if shown is None else plain(shown))

    return act


def plain(component: Any) -> Any:
    """A component tree as nested dictionaries."""
    if hasattr(component, "to_plotly_json"):
        made = component.to_plotly_json()
        if "props" not in made:
            return made
        return {"type": made["type"], **{name: plain(value) for name, value in made["props"].items()}}
    return [plain(part) for part in component] if isinstance(component, list | tuple) else component


def test_a_ready_card_has_its_sentence_chart_time_sql_and_both_exports(show: Show) -> None:
    shown = show("overview-uses", "/")
    assert "'data-state': 'ready'" in shown
    assert "of them failed" in shown
    assert all(
        text in shown for text in ("'type': 'Graph'", "As of ", "'SQL'", "overview-uses.csv", "overview-uses.parquet")
    )


def test_the_same_values_can_be_seen_as_a_table(show: Show) -> None:
    shown = show("overview-uses", "/", view="table")
    assert "'type': 'AgGrid'" in shown
    assert "'type': 'Graph'" not in shown


def test_filters_that_match_nothing_say_so_and_offer_a_reset(show: Show) -> None:
    shown = show("marketplace-plugins", "/plugins", "?q=zzz")
    assert "'data-state': 'empty'" in shown
    assert "Reset filters" in shown


def test_a_card_without_filters_in_force_offers_no_reset(show: Show) -> None:
    assert "Reset filters" not in show("plugin-warnings", "/plugins/jenkins/docker")


def test_a_question_that_fails_shows_a_reference_and_a_retry_and_no_number(show: Show) -> None:
    broken = Card(
        "broken", lambda scope: Question("b", "B", "", "SELECT nothing FROM nowhere"), lambda frame, scope: None, ""
    )
    shown = show("broken", "/", card=broken)
    assert "'data-state': 'failed'" in shown
    assert "Reference " in shown
    assert "Try again" in shown
    assert "nowhere" not in shown


def test_the_system_page_tells_that_the_api_is_down_while_its_data_cards_stay(show: Show, desk: Desk) -> None:
    desk.down = True
    assert "'data-state': 'failed'" in show("system-ready", "/system")
    assert "'data-state': 'ready'" in show("system-snapshot", "/system")


def test_a_registry_that_is_not_ready_names_the_part_and_why(show: Show, desk: Desk) -> None:
    desk.faults = [{"pointer": "database", "code": "not_ready", "detail": "database is not ready: locked."}]
    shown = show("system-ready", "/system")
    assert "badge bad" in shown
    assert "database is not ready: locked." in shown


def test_the_system_page_counts_the_changes_that_are_not_published_yet(show: Show) -> None:
    shown = show("system-status", "/system")
    assert "'children': 'changes not yet published'}, {'type': 'Dd', 'children': '3'}" in shown


def test_what_the_registry_refuses_to_a_role_is_said_and_is_no_failure(show: Show, desk: Desk) -> None:
    desk.forbidden = True
    shown = show("system-status", "/system")
    assert "'data-state': 'empty'" in shown
    assert "scope system:read" in shown


def test_late_data_are_marked_stale_on_every_card(show: Show, tmp_path: Path) -> None:
    world.publish(tmp_path, TENANTS, published_at=datetime.now(UTC) - timedelta(days=3))
    shown = show("overview-uses", "/", source=Data(SnapshotReader(Settings(home=tmp_path))))
    assert "'data-state': 'stale'" in shown
    assert "3 days ago" in shown


def test_before_the_first_publication_every_page_says_so(show: Show, tmp_path: Path) -> None:
    nothing = Data(SnapshotReader(Settings(home=tmp_path)))
    for card, address in (
        ("overview-uses", "/"),
        ("target-plugins", "/targets/acme.team-00"),
        ("adoption-retention", "/adoption"),
    ):
        assert "No data has been published" in show(card, address, "?plugin=x", source=nothing)


def test_an_address_from_the_catalogue_is_a_link_only_when_it_is_http(show: Show) -> None:
    assert "javascript:" not in show("plugin-header", "/plugins/jenkins/slack")
    assert "https://example.org/git" in show("plugin-header", "/plugins/jenkins/git")


def test_a_table_that_is_cut_says_that_an_export_has_the_rest(show: Show) -> None:
    many = Card(
        "many",
        lambda scope: Question("m", "M", "Many.", "SELECT range AS n FROM range(50)", shown=10),
        lambda frame, scope: None,
        "",
    )
    assert "The first 10 rows are shown" in show("many", "/", card=many, view="table")


def test_an_unknown_plugin_or_one_of_another_tenant_is_not_found(
    data: Data, desk: Desk, viewer_of: Callable[[str], Viewer]
) -> None:
    renderer = Renderer(PAGES, LOOKUPS, data, desk)
    for address in ("/plugins/jenkins/nothing", "/targets/operator.lab", "/nowhere"):
        assert "Not found" in str(plain(renderer.page(viewer_of("acme"), address, "", None)))


def test_no_page_has_more_than_sixty_callbacks_and_paths_lead_to_one_page() -> None:
    assert all(len(page.cards) <= 12 for page in PAGES)
    assert len({card.id for page in PAGES for card in page.cards}) == sum(len(page.cards) for page in PAGES)
    assert [find(PAGES, path)[0].name for path in ("/", "/plugins", "/plugins/a/b%20c", "/targets/x/")] == [
        "overview",
        "marketplace",
        "plugin",
        "target",
    ]  # type: ignore[index]


def test_a_chosen_target_without_recommendations_is_said_to_have_none(show: Show) -> None:
    assert "Choose a target under" in show("marketplace-recommended", "/plugins")
    chosen = show("marketplace-recommended", "/plugins", "?for=acme/acme.team-03")
    assert "Nothing is recommended for acme/acme.team-03 yet" in chosen
    assert "Choose a target" not in chosen
