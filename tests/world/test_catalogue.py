import re
from collections import Counter

import numpy as np
import pytest

from patchbay.core.versions import sort_key
from patchbay.world.catalogue import OPERATOR
from patchbay.world.config import WorldConfig
from patchbay.world.documents import advisory_documents, plugin_documents
from patchbay.world.requirements import requirements
from patchbay.world.society import build_society
from patchbay.world.statistics import statistics_table
from patchbay.world.world import World

PART = re.compile(r"[A-Za-z0-9._-]{1,200}")


def test_refs_are_unique_and_of_the_allowed_characters(world: World) -> None:
    plugins = world.society.catalogue.plugins
    assert len({plugin.ref for plugin in plugins}) == len(plugins)
    assert all(PART.fullmatch(plugin.namespace) and PART.fullmatch(plugin.name) for plugin in plugins)


def test_the_public_catalogue_has_as_many_plugins_as_asked_for_from_several_owners(world: World) -> None:
    public = plugin_documents(world.society)
    assert len(public) == world.config.plugins
    assert all(document["visibility"] == "public" for document in public)
    assert len({document["namespace"] for document in public}) >= 5


def test_private_plugins_belong_to_one_tenant_under_its_own_name(world: World) -> None:
    owned = plugin_documents(world.society, owner=0)
    assert owned
    assert {(document["visibility"], document["namespace"]) for document in owned} == {
        ("private", world.society.tenants.slugs[0])
    }
    assert plugin_documents(world.society, owner=len(world.society.tenants) - 1) == []


def test_labels_licences_and_lifecycles_vary(world: World) -> None:
    plugins = world.society.catalogue.plugins
    assert len({label for plugin in plugins for label in plugin.labels}) == 20
    assert len({plugin.licence for plugin in plugins}) >= 4
    lifecycles = Counter(plugin.lifecycle for plugin in plugins)
    assert lifecycles["active"] > 0.85 * len(plugins)
    assert lifecycles["deprecated"] + lifecycles["withdrawn"] > 0


def test_versions_are_semver_and_rise_with_time(world: World) -> None:
    releases = world.society.releases
    for plugin in range(len(world.society.catalogue)):
        rows = np.flatnonzero(releases.plugin == plugin)
        keys = [sort_key(releases.version[row], "semver") for row in rows]
        assert keys == sorted(keys)
        assert len(set(keys)) == len(keys)
        assert (np.diff(releases.at[rows]) > 0).all()


def test_every_plugin_begins_with_a_stable_release_within_the_history(world: World) -> None:
    releases, catalogue = world.society.releases, world.society.catalogue
    first = np.searchsorted(releases.plugin, np.arange(len(catalogue)))
    assert (releases.at[first] == catalogue.created).all()
    assert not releases.prerelease[first].any()
    assert releases.at.min() >= world.config.release_start_us
    assert releases.at.max() < world.config.end_us


def test_some_releases_are_candidates_and_are_named_so(world: World) -> None:
    releases = world.society.releases
    assert 0.02 < releases.prerelease.mean() < 0.15
    assert [("-rc." in version) for version in releases.version] == releases.prerelease.tolist()


def test_the_latest_stable_release_is_what_a_plain_search_finds(world: World) -> None:
    releases, rng = world.society.releases, np.random.default_rng(0)
    plugin = rng.integers(0, len(world.society.catalogue), 300)
    at = rng.integers(world.config.release_start_us, world.config.end_us, 300)
    for number, moment, found in zip(plugin, at, releases.latest_stable(plugin, at), strict=True):
        rows = np.flatnonzero((releases.plugin == number) & (releases.at <= moment) & ~releases.prerelease)
        assert found == (rows[-1] if len(rows) else -1)


def test_dependencies_point_at_older_public_plugins_so_there_is_no_cycle(world: World) -> None:
    dependencies, catalogue = world.society.dependencies, world.society.catalogue
    assert (catalogue.created[dependencies.needs] < catalogue.created[dependencies.plugin]).all()
    assert (catalogue.owner[dependencies.needs] == OPERATOR).all()
    assert 0.1 < dependencies.optional.mean() < 0.6


def test_a_few_hubs_collect_most_dependants(world: World) -> None:
    counts = sorted(Counter(world.society.dependencies.needs.tolist()).values(), reverse=True)
    assert sum(counts[: len(counts) // 4]) > 0.5 * sum(counts)


def test_the_closure_of_a_plugin_holds_what_its_needs_need(world: World) -> None:
    dependencies = world.society.dependencies
    closure = dependencies.required_closure(len(world.society.catalogue))
    for plugin in range(len(world.society.catalogue)):
        direct = [needs for needs, optional in dependencies.of(plugin) if not optional]
        assert set(closure[plugin]) == set(direct) | {deep for needs in direct for deep in closure[needs]}


def test_a_requirement_names_a_release_that_existed_then(world: World) -> None:
    releases = world.society.releases
    made = {
        (int(plugin), version): at
        for plugin, version, at in zip(releases.plugin, releases.version, releases.at, strict=True)
    }
    wanted = requirements(releases, world.society.dependencies)
    assert wanted
    for row, needs in wanted.items():
        assert all(made[plugin, least.removeprefix(">=")] <= releases.at[row] for plugin, least, _ in needs)


def test_advisories_name_real_versions_and_some_are_unfixed(world: World) -> None:
    versions = {
        f"{d['namespace']}:{d['name']}": [r["version"] for r in d["releases"]] for d in plugin_documents(world.society)
    }
    documents = advisory_documents(world.society)
    assert len({document["external_id"] for document in documents}) == len(documents)
    of_plugins = [document for document in documents if document["subject_kind"] == "plugin"]
    for document in of_plugins:
        known, bounds = versions[document["subject_ref"]], document["ranges"][0]
        assert known.index(bounds["first_version"]) <= known.index(bounds.get("last_version", known[-1]))
    unfixed = sum("last_version" not in document["ranges"][0] for document in of_plugins)
    assert 0 < unfixed < len(of_plugins)
    assert len(documents) - len(of_plugins) == 1


def test_outside_downloads_follow_popularity_and_start_with_the_plugin(world: World) -> None:
    table = statistics_table(world.society)
    rows = table.to_pylist()
    assert {row["grain"] for row in rows} == {"month"}
    assert len({(row["plugin"], row["period"]) for row in rows}) == len(rows)
    assert max(row["period"] for row in rows).isoformat() == "2026-10-01"
    refs = world.society.catalogue.refs
    last = {row["plugin"]: row["count"] for row in rows if row["period"].isoformat() == "2026-10-01"}
    assert np.mean([last[ref] for ref in refs[:10]]) > 5 * np.mean([last[ref] for ref in refs[100:110]])
    private = {refs[index] for index in np.flatnonzero(world.society.catalogue.owner != OPERATOR)}
    assert not private & set(last)


@pytest.mark.parametrize("seed", range(4))
def test_the_smallest_worlds_can_be_built(seed: int) -> None:
    society = build_society(WorldConfig(plugins=10, tenants=2, days=7, seed=seed, adoption_days=7, release_days=7))
    assert len(society.installs)
