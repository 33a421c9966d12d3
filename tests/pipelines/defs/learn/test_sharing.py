"""Recommendations of plugins that are shared: to whom, and what they tell of others' use."""

from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl
import pytest

from models.recommend.popularity import PopularityConfig
from models.recommend.recommender import build
from patchbay.core.clock import utcnow
from pipelines.defs.learn import recommending
from tests.warehouse.tables import put
from warehouse.engines.duckdb import DuckDBEngine

NOW, HOUR = utcnow(), timedelta(hours=1)
TENANTS = ("owner", "grantee", "third")
SHARED = {"to-install": "shared", "to-read": "shared", "over": "shared", "resting": "shared", "hidden": "private"}


def a_plugin(name: str, owner: str, visibility: str) -> dict[str, Any]:
    return {
        "plugin_id": name,
        "tenant_id": owner,
        "title": f"T {name}",
        "lifecycle": "active",
        "visibility": visibility,
    }


def a_grant(plugin: str, scope: str = "install", **terms: Any) -> dict[str, Any]:
    names = {"plugin_grant_id": plugin, "tenant_id": "owner", "plugin_id": plugin, "grantee_id": "grantee"}
    return {**names, "scope": scope, "live": True, **terms}


def a_holding(target: str, plugin: str) -> dict[str, Any]:
    at = datetime(2026, 1, 1, tzinfo=UTC)
    return {"target_id": target, "plugin_id": plugin, "interval_number": 1, "opening": "installed", "from_at": at}


@pytest.fixture
def known() -> recommending.Lessons:
    """A target of each tenant, and two more of the owner's that have everything; the grantee's has what was shared once."""
    engine = DuckDBEngine()
    plugins = [a_plugin("open", "operator", "public"), a_plugin("rare", "operator", "public")]
    put(engine, "dim_plugin", plugins + [a_plugin(name, "owner", shown) for name, shown in SHARED.items()])
    targets = [{"target_id": name, "tenant_id": name, "lifecycle": "active"} for name in TENANTS]
    put(engine, "dim_target", targets)
    everything = [*SHARED, "open"]
    held = [a_holding(target, name) for target in ("owner-1", "owner-2") for name in everything]
    put(engine, "fct_installation_interval", [*held, a_holding("grantee", "over")])
    put(engine, "fct_dependency", [])
    grants = [a_grant("to-install", expires_at=NOW + HOUR), a_grant("to-read", "read"), a_grant("hidden")]
    put(
        engine,
        "stg_registry__plugin_grants",
        [*grants, a_grant("over", expires_at=NOW - HOUR), a_grant("resting", live=False)],
    )
    found = recommending.lessons(engine)
    engine.close()
    return found


def listed(known: recommending.Lessons, tenant: str) -> pl.DataFrame:
    model = build(PopularityConfig()).fit(known.learnt, known.metadata)
    return recommending.listed(known, model, "popularity").filter(pl.col("tenant_id") == tenant)


def test_a_shared_plugin_is_recommended_to_whom_a_grant_in_force_lets_install_it(known: recommending.Lessons) -> None:
    assert set(listed(known, "grantee")["plugin_id"]) == {"open", "rare", "to-install"}
    assert set(listed(known, "third")["plugin_id"]) == {"open", "rare"}
    assert set(listed(known, "owner")["plugin_id"]) == {"open", "rare", *SHARED}
    assert listed(known, "grantee")["rank"].to_list() == [1, 2, 3]


def test_neither_reason_nor_score_tells_how_many_of_others_have_a_plugin_that_is_not_public(
    known: recommending.Lessons,
) -> None:
    for tenant in ("owner", "grantee"):
        rows = listed(known, tenant)
        told = dict(rows.select("plugin_id", "reason").iter_rows())
        assert told["to-install"] == "Like what is popular here"
        assert told["open"] == "Popular: 2 targets have it"
        public = rows.filter(pl.col("plugin_id").is_in(["open", "rare"]))["score"]
        assert set(rows["score"]) == set(public) and rows["score"].is_sorted(descending=True)


def test_a_plugin_that_the_tenant_no_longer_sees_is_no_reason(
    known: recommending.Lessons, monkeypatch: pytest.MonkeyPatch
) -> None:
    def because(of: str) -> pl.DataFrame:
        found = pl.DataFrame(
            {"user": "grantee", "item": "open", "rank": 1, "score": 1.0, "because": [[of]], "taken_by": 2}
        )
        monkeypatch.setattr(recommending, "recommendations", lambda *_, **__: found)
        return listed(known, "grantee").select("reason", "because_plugin_id")

    assert because("over").row(0) == ("Popular: 2 targets have it", None)
    assert because("to-read").row(0) == ("Because it has T to-read", "to-read")
