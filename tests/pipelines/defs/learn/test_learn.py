"""Learning from a generated world: what is published, what it rests on, and that a second time changes nothing."""

import json
from datetime import UTC, datetime, time, timedelta
from typing import Any

import dagster as dg
import pytest

from pipelines.instance import open_instance
from pipelines.run import LESSONS, learn
from tests.pipelines.generated import SMALL, Generated

pytestmark = pytest.mark.slow
KINDS = ("recommendations", "similar", "risk", "anomalies", "forecasts")


def truths(small: Generated, *kinds: str) -> list[dict[str, Any]]:
    document = json.loads((small.settings.home / "truth.json").read_text())
    return [truth for truth in document["truths"] if truth["kind"] in kinds]


def ids(small: Generated, table: str, name: str, key: str) -> dict[str, str]:
    return dict(small.snapshot().query(f"SELECT {name}, {key} FROM {table}").iter_rows())


def begun(row: dict[str, Any]) -> datetime:
    return datetime.fromisoformat(row["started_at"])


def figure(small: Generated, model: str, metric: str) -> Any:
    [found] = [one for one in small.first.metrics if one.model.startswith(model) and one.metric == metric]
    return found


def test_every_kind_of_insight_is_published_and_counted(small: Generated) -> None:
    assert small.first.success
    published = {kind: small.service.active_set(kind) for kind in KINDS}
    assert {kind: made and (made["rows"], made["active"]) for kind, made in published.items()} == {
        kind: (count, True) for kind, count in small.first.rows.items()
    }
    assert all(count > 0 for count in small.first.rows.values()) and all(small.rows(kind) for kind in KINDS)
    assert small.first.anomalies <= small.first.rows["anomalies"]


def test_progress_is_told_of_every_model_and_set(small: Generated) -> None:
    told: list[tuple[str, int, int]] = []
    learn(small.settings, registry=small.room, progress=lambda *step: told.append(step))
    assert told[-1][1:] == (LESSONS, LESSONS) and len(told) == LESSONS


def test_recommendations_are_ranked_reasoned_and_of_what_the_target_may_have_and_has_not(small: Generated) -> None:
    snapshot, rows = small.snapshot(), small.rows("recommendations")
    owned = set(snapshot.query("SELECT target_id, plugin_id FROM fct_installation_interval").iter_rows())
    plugins = {row["plugin_id"]: row for row in snapshot.query("FROM dim_plugin").iter_rows(named=True)}
    assert {row["target_id"] for row in rows} == set(snapshot.query("SELECT target_id FROM dim_target")["target_id"])
    for row in rows:
        plugin = plugins[row["plugin_id"]]
        assert (row["target_id"], row["plugin_id"]) not in owned
        assert plugin["visibility"] == "public" or plugin["tenant_id"] == row["tenant_id"]
        assert row["reason"].startswith(("Because it has ", "Popular: ", "Like what is popular"))
        assert plugin["lifecycle"] == "active"
    ranks: dict[str, list[int]] = {}
    for row in rows:
        ranks.setdefault(row["target_id"], []).append(row["rank"])
    assert all(found == list(range(1, len(found) + 1)) for found in ranks.values())


def test_the_recommenders_figures_stand_beside_popularitys_with_their_intervals(small: Generated) -> None:
    floor = figure(small, "recommender popularity", "ndcg@10")
    for name in ("ease", "warp", "blend"):
        found = figure(small, f"recommender {name}", "ndcg@10")
        assert found.low <= found.value <= found.high
        assert (found.baseline, found.baseline_value) == ("popularity", floor.value)
    assert sum("(served)" in one.model for one in small.first.metrics if one.metric == "auc") == 1


def test_plugins_with_an_unfixed_advisory_are_the_top_of_risk_and_say_why(small: Generated) -> None:
    ranked = small.rows("risk")
    lifted = [row for row in ranked if row["floor"] == "unfixed advisory"]
    assert lifted and ranked[: len(lifted)] == lifted
    for row in lifted:
        first = row["factors"][0]
        assert first["name"] == "open_advisories" and "not fixed in the latest release" in first["reason"]
        assert (row["band"], first["fix"]) == ("critical", "Remove or disable it until a release mends them.")
    assert len(ranked) == SMALL.plugins + 1, "the planted private one too"


def test_a_tenants_own_risk_has_its_own_impact(small: Generated) -> None:
    everybody = {row["plugin_id"]: row for row in small.rows("risk")}
    tenants = ids(small, "dim_tenant", "slug", "tenant_id")
    slug = next(name for name in tenants if name != "operator")
    own = [row for row in small.acting_in(slug).risks() if row["tenant_id"] == tenants[slug]]
    assert own and all(row["probability"] == pytest.approx(everybody[row["plugin_id"]]["probability"]) for row in own)
    assert any(row["impact"] < everybody[row["plugin_id"]]["impact"] for row in own)


def test_planted_surges_outages_and_the_bad_release_are_among_the_anomalies(small: Generated) -> None:
    tenants = ids(small, "dim_tenant", "slug", "tenant_id")
    rows = small.rows("anomalies")
    warm = datetime.combine(SMALL.start, time(), UTC) + timedelta(days=9)
    planted = [truth for truth in truths(small, "surge", "outage") if datetime.fromisoformat(truth["starts_at"]) > warm]
    assert {truth["kind"] for truth in planted} == {"surge", "outage"}
    for truth in planted:
        start, end = (datetime.fromisoformat(truth[edge]) for edge in ("starts_at", "ends_at"))
        own = [row for row in rows if row["tenant_id"] == tenants[truth["tenant"]] and row["kind"] == truth["kind"]]
        assert any(start - timedelta(minutes=30) <= begun(row) <= end for row in own), truth
    [bad] = truths(small, "bad_release")
    named = dict(small.snapshot().query("SELECT ref, plugin_id FROM dim_plugin").iter_rows())
    assert [row["plugin_id"] for row in rows if row["kind"] == "errors"] == [named[bad["plugin"]]]


def test_anomalies_name_their_band_and_who_contributed(small: Generated) -> None:
    surges = [row for row in small.rows("anomalies") if row["kind"] == "surge"]
    assert all((row["expected_low"] + row["expected_high"]) / 2 < row["observed"] for row in surges)
    parts = [row["contributors"] for row in surges]
    assert any(part and part[0]["share"] > 0.3 for part in parts)


def test_forecasts_go_on_after_the_last_day_with_the_value_inside_its_interval(small: Generated) -> None:
    rows = small.rows("forecasts")
    assert min(row["day"] for row in rows) == SMALL.end.isoformat()
    assert all(row["low"] <= row["value"] <= row["high"] for row in rows)
    totals = {row["tenant_id"] for row in rows if row["plugin_id"] is None}
    assert totals == set(ids(small, "dim_tenant", "slug", "tenant_id").values())


def test_the_card_and_the_figures_are_in_dagster(small: Generated) -> None:
    with open_instance(small.settings) as instance:
        [record] = instance.fetch_materializations(dg.AssetKey("recommender"), limit=1).records
        [published] = instance.fetch_materializations(dg.AssetKey("anomalies"), limit=1).records
    assert record.asset_materialization and published.asset_materialization
    shown = record.asset_materialization.metadata
    assert "## Limits" in str(shown["card"].value) and float(shown["metric/popularity_ndcg"].value) > 0
    assert "data:image/png;base64," in str(published.asset_materialization.metadata["rows_by_date"].value)


def test_learning_again_gives_the_same_rows_and_keeps_the_champion(small: Generated) -> None:
    champions = {
        kind: small.room.storage.read_bytes(f"models/{kind}/champion.json")
        for kind in ("recommender", "risk", "detectors")
    }
    before = {kind: small.rows(kind) for kind in KINDS}
    kept = list(small.room.storage.list("models"))
    assert small.learn().success
    assert {kind: small.rows(kind) for kind in KINDS} == before
    assert list(small.room.storage.list("models")) == kept
    assert {kind: small.room.storage.read_bytes(f"models/{kind}/champion.json") for kind in champions} == champions
