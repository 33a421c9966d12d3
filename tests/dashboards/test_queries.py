"""Questions: constant SQL, and answers that agree with counts made without it."""

import ast
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest

from dashboards import queries
from dashboards.data import Data
from dashboards.kit.page import Glance, Scope, find
from dashboards.kit.parts import plugin_path
from dashboards.kit.theme import LIGHT
from dashboards.kit.urlstate import parse
from dashboards.pages import LOOKUPS, PAGES
from dashboards.queries import adoption, marketplace, overview, plugin, quality, targets
from dashboards.queries.question import Question
from dashboards.session import Viewer
from patchbay.core.clock import utcnow
from patchbay.core.settings import Settings
from tests.dashboards import world
from tests.dashboards.conftest import TENANTS
from warehouse.read import SnapshotReader
from warehouse.snapshots import FOLDER as SNAPSHOTS

FOLDER = Path(queries.__file__).parent
ROWS = world.rows(TENANTS)
Ask = Callable[..., list[dict[str, Any]]]
ADDRESSES = (
    "/",
    "/plugins",
    "/plugins/jenkins/git",
    "/targets",
    "/targets/acme.team-03",
    "/adoption",
    "/quality",
    "/system",
)


@pytest.fixture
def ask(data: Data, viewer_of: Callable[[str], Viewer]) -> Ask:
    """The answer to a question for a viewer, as rows."""

    def answer(question: Question, slug: str = "acme") -> list[dict[str, Any]]:
        viewer = viewer_of(slug)
        return data.ask(viewer, data.open(viewer), question).to_dicts()

    return answer


def test_no_question_is_put_together_from_pieces_at_run_time() -> None:
    """Values reach DuckDB only as parameters: an f-string or a + in these modules would be the way around that."""
    pieces = [
        f"{path.name}:{node.lineno}"
        for path in FOLDER.glob("*.py")
        if path.name not in ("question.py", "system.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.JoinedStr | ast.BinOp) and not isinstance(getattr(node, "op", None), ast.Sub | ast.Mult)
    ]
    assert not pieces


def scopes(viewer: Viewer, address: str, search: str) -> list[tuple[Any, Scope]]:
    page, parts = find(PAGES, address) or pytest.fail(address)
    scope = Scope(viewer, address, parts, parse(page.filters, search), LIGHT, utcnow())
    return [(card, scope) for card in page.cards]


@pytest.mark.parametrize(
    "search", ["", "?period=30d&q=git&plugin=jenkins:git&environment=production&sort=newest&warnings=any"]
)
@pytest.mark.parametrize("slug", ["acme", "operator"])
def test_every_card_of_every_page_can_be_asked_drawn_and_said(
    data: Data, viewer_of: Callable[[str], Viewer], slug: str, search: str
) -> None:
    viewer = viewer_of(slug)
    for address in ADDRESSES:
        for card, scope in scopes(viewer, address, search):
            source = card.ask(scope)
            if not isinstance(source, Question | Glance):
                continue
            frame = (
                source.read(data.open(viewer))
                if isinstance(source, Glance)
                else data.ask(viewer, data.open(viewer), source)
            )
            if frame.height:
                assert card.draw(frame, scope) is not None, card.id
                assert card.say is None or card.say(frame, scope).endswith("."), card.id


def test_questions_name_exactly_their_parameters(viewer_of: Callable[[str], Viewer]) -> None:
    asked = [card.ask(scope) for address in ADDRESSES for card, scope in scopes(viewer_of("acme"), address, "")]
    asked += [lookup() for lookup in LOOKUPS.values()]
    for question in asked:
        if isinstance(question, Question):
            assert {name for name in question.params if f"${name}" in question.text} == set(question.params), (
                question.name
            )
            assert question.text.count("$") >= len(question.params)


def test_headlines_agree_with_the_rows(ask: Ask) -> None:
    row = ask(overview.totals("30d"), "operator")[0]
    recent = [r for r in ROWS["fct_usage_daily"] if (world.LAST - r["day"]).days < 30]
    assert row["uses"] == sum(r["uses"] for r in recent)
    assert row["installations"] == sum(r["to_at"] is None for r in ROWS["fct_installation_interval"])
    assert (row["plugins"], row["releases"], row["targets"], row["advisories"], row["unfixed"]) == (6, 18, 13, 2, 1)
    assert (row["persons"], row["persons_plugin"]) == (20, "Git")


def test_what_was_never_recorded_is_null_and_not_zero(ask: Ask) -> None:
    nothing = Question(
        "n",
        "N",
        "",
        overview.totals("30d").sql.replace("fct_usage_daily", "(FROM fct_usage_daily WHERE false)"),
        {"days": 30},
    )
    assert ask(nothing)[0]["uses"] is None


def test_the_level_of_installations_rises_and_falls_with_the_intervals(ask: Ask) -> None:
    levels = ask(overview.installations_over_time("all"), "operator")
    last = levels[-1]
    assert last["installations"] == sum(r["to_at"] is None for r in ROWS["fct_installation_interval"])
    assert last["day"] == world.at(3).date()


def test_an_environment_that_stayed_as_it_was_keeps_its_level_over_the_whole_period(ask: Ask) -> None:
    for period in ("30d", "all"):
        rows = ask(adoption.installed("", "", period))
        last = {row["environment"]: row["installations"] for row in rows}
        assert last == {"production": 30, "staging": 12}, period
        ends = {row["environment"]: row["day"] for row in rows}
        assert len(set(ends.values())) == 1, "all lines reach the last day"


@pytest.fixture
def changed(tmp_path: Path, viewer_of: Callable[[str], Viewer]) -> Callable[[str, Question], list[dict[str, Any]]]:
    """The answer to a question for acme once a statement has changed its snapshot."""

    def answer(statement: str, question: Question) -> list[dict[str, Any]]:
        world.publish(tmp_path, TENANTS)
        with duckdb.connect(str(tmp_path / SNAPSHOTS / "first" / f"{TENANTS.acme}.duckdb")) as connection:
            connection.execute(statement)
        viewer, data = viewer_of("acme"), Data(SnapshotReader(Settings(home=tmp_path)))
        return data.ask(viewer, data.open(viewer), question).to_dicts()

    return answer


def test_days_without_use_are_zeros_and_not_a_line_across(changed: Any) -> None:
    silence = "DELETE FROM {} WHERE day BETWEEN DATE '2026-11-10' AND DATE '2026-11-14'"
    used = changed(silence.format("fct_usage_daily"), overview.uses_per_day("30d"))
    assert len(used) == 30
    assert [row["day"].day for row in used if row["uses"] == 0] == [10, 11, 12, 13, 14]
    active = changed(silence.format("mart_adoption"), adoption.activity("jenkins:git", "30d"))
    assert [row["day"].day for row in active if row["uses"] == 0] == [10, 11, 12, 13, 14]


def test_a_period_before_that_is_not_all_recorded_is_no_measure(changed: Any, ask: Ask) -> None:
    assert ask(overview.totals("30d"))[0]["uses_before"] is not None
    cut = "DELETE FROM fct_usage_daily WHERE day < (SELECT max(day) - 58 FROM fct_usage_daily)"
    assert changed(cut, overview.totals("30d"))[0]["uses_before"] is None


def test_a_plugin_the_viewer_no_longer_sees_is_in_neither_the_tiles_nor_the_lists(changed: Any) -> None:
    hide = (
        "DELETE FROM dim_plugin WHERE plugin_id = 'p0';"
        "UPDATE fct_installation_interval SET from_at = from_at + INTERVAL 9 DAY WHERE plugin_id = 'p0'"
    )
    name = ("acme.team-03", "", TENANTS.acme)
    listed = len(changed(hide, targets.plugins(*name)))
    [header] = changed(hide, targets.header(*name))
    assert (header["plugins"], header["last_change"]) == (
        listed,
        changed(hide, targets.history(*name))[0]["changed_at"],
    )
    assert changed(hide, targets.level(*name))[-1]["plugins"] == listed
    total = changed(hide, overview.totals("30d"))[0]["installations"]
    assert total == 30
    assert changed(hide, overview.installations_over_time("all"))[-1]["installations"] == total


def test_search_finds_by_any_word_and_puts_the_exact_name_first(ask: Ask) -> None:
    found = ask(marketplace.plugins_found("GIT", "", "", "", "name"))
    assert found[0]["name"] == "git"
    assert {row["name"] for row in ask(marketplace.plugins_found("", "scm", "", "", "name"))} == {"git", "docker"}


@pytest.mark.parametrize(
    ("warnings", "names"),
    [("any", {"git"}), ("unfixed", {"git"}), ("none", {"docker", "mailer", "slack", "theme-dark", "legacy"})],
)
def test_warnings_narrow_the_list(ask: Ask, warnings: str, names: set[str]) -> None:
    assert {row["name"] for row in ask(marketplace.plugins_found("", "", "", warnings, "name"))} == names


def test_pages_of_the_list_are_disjoint_and_complete(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(marketplace, "PAGE_SIZE", 4)
    pages = [[row["ref"] for row in ask(marketplace.plugins_page("", "", "", "", "name", page))] for page in (1, 2, 3)]
    assert [len(page) for page in pages] == [4, 2, 0]
    assert len({*pages[0], *pages[1]}) == 6


def test_another_tenants_private_plugin_is_not_there(ask: Ask) -> None:
    hidden = Question("h", "H", "", "SELECT count(*) AS n FROM dim_plugin WHERE visibility = 'private'")
    assert ask(plugin.header("jenkins:legacy", TENANTS.acme))[0]["title"] == "Legacy Reports"
    assert ask(hidden)[0]["n"] == 1


@pytest.mark.parametrize("slug", ["acme", "operator"])
def test_popularity_is_what_the_plugins_own_tenant_reports_whatever_others_claim(ask: Ask, slug: str) -> None:
    listed = ask(marketplace.plugins_found("", "", "", "", "popular"), slug)
    top = ask(overview.most_popular_outside(), slug)
    months = ask(plugin.popularity("jenkins:git", getattr(TENANTS, slug)), slug)
    assert (len(listed), listed[0]["name"], listed[0]["outside_count"]) == (6, "git", 6000)
    assert [(row["name"], row["count"], row["month"].month) for row in top] == [("git", 6000, 6)]
    assert [row["count"] for row in months] == [1000 * month for month in range(1, 7)]
    assert ask(overview.reach(), slug)[0]["last_outside_month"].month == 6


def test_a_plugins_adoption_is_the_marts_level_summed_over_tenants(ask: Ask) -> None:
    days = ask(plugin.adoption("jenkins:git", TENANTS.operator, "all"), "operator")
    level = sum(1 for r in ROWS["fct_installation_interval"] if r["plugin_id"] == "p0" and r["to_at"] is None)
    assert (days[-1]["installed_targets"], days[-1]["day"]) == (level, world.LAST)


def test_performance_fails_by_release_as_recorded(ask: Ask) -> None:
    rows = {row["version"]: row for row in ask(plugin.performance("jenkins:git", TENANTS.acme))}
    assert (rows["2.0.0"]["error_rate"], rows["2.0.0"]["typical_ms"], rows["2.0.0"]["cpu_percent"]) == (
        pytest.approx(0.02),
        20.0,
        None,
    )


def test_targets_with_a_plugin_are_those_that_have_it_now(ask: Ask) -> None:
    having = ask(targets.targets("", "", "", "jenkins:slack"))
    expected = {r["target_id"] for r in ROWS["fct_installation_interval"] if r["plugin_id"] == "p3"}
    assert {row["name"] for row in having} == {f"acme.team-{int(t[1:]):02d}" for t in expected}


def test_a_targets_history_has_its_removals(ask: Ask) -> None:
    changes = ask(targets.history("operator.lab", "", TENANTS.operator), "operator")
    assert [(row["change"], row["plugin"]) for row in changes] == [
        ("removed", "jenkins:git"),
        ("installed", "jenkins:git"),
    ]


def test_retention_is_returned_over_started(ask: Ask) -> None:
    shares = {
        (row["cohort_month"].month, row["months_since"]): row["share"] for row in ask(adoption.retention("", "person"))
    }
    assert (shares[9, 0], shares[9, 1], shares[10, 1]) == (1.0, 0.5, 0.5)


@pytest.mark.parametrize(
    ("subject", "words", "others"),
    [("person", "people used a plugin again", "targets"), ("target", "targets had a plugin in place", "used")],
)
def test_retention_says_what_keeps_its_subject(viewer_of: Any, subject: str, words: str, others: str) -> None:
    (card, scope), *_ = [
        found
        for found in scopes(viewer_of("acme"), "/adoption", f"?subject={subject}")
        if found[0].id == "adoption-retention"
    ]
    month = {"cohort_month": world.LAST, "cohort_size": 4, "retained": 2, "share": 0.5}
    frame = pl.DataFrame([{**month, "months_since": since} for since in (0, 1)])
    said = f"{card.ask(scope).summary} {card.say(frame, scope)} {card.draw(frame, scope).to_json()}"
    assert words in said
    assert others not in said


def test_refused_rows_and_those_set_aside_later_are_told_apart(ask: Ask) -> None:
    row = ask(quality.totals("", "30d"))[0]
    assert (row["received"], row["accepted"], row["duplicates"], row["rejected"], row["set_aside"]) == (
        1000,
        900,
        60,
        40,
        7,
    )
    assert [(r["code"], r["fate"]) for r in ask(quality.rejects_by_reason("", "30d"))] == [
        ("unknown_plugin", "rejected"),
        ("repeated_event", "set aside"),
    ]


ODD = "a/b ?#%&é+"


def test_the_address_of_any_name_leads_to_its_page(tmp_path: Path, viewer_of: Callable[[str], Viewer]) -> None:
    world.publish(tmp_path, TENANTS)
    with duckdb.connect(str(tmp_path / SNAPSHOTS / "first" / f"{TENANTS.acme}.duckdb")) as connection:
        connection.execute("UPDATE dim_target SET name = ? WHERE target_id = 't3'", [ODD])
        connection.execute("UPDATE dim_plugin SET name = ? WHERE plugin_id = 'p0'", [ODD])
    viewer, data = viewer_of("acme"), Data(SnapshotReader(Settings(home=tmp_path)))
    frames = {
        question.name: data.ask(viewer, data.open(viewer), question)
        for question in (
            targets.targets("", "", "", ""),
            plugin.instances("jenkins:git", TENANTS.acme),
            targets.plugins(ODD, "", TENANTS.acme),
            targets.history(ODD, "", TENANTS.acme),
            plugin.dependencies("jenkins:docker", TENANTS.acme),
            adoption.by_plugin_and_day("jenkins:git", "all"),
        )
    }
    for name, frame in frames.items():
        pathname, _, search = next(href for href in frame["href"] if "%" in href).partition("?")
        found = find(PAGES, pathname)
        assert found is not None, name
        assert found[1]["name"] == ODD, name
        assert search in ("", "tenant=acme")
    row = {"namespace": "jenkins", "name": ODD}
    assert plugin_path(row) in frames["target_plugins"]["href"]
