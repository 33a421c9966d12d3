import numpy as np

from patchbay.world.adoption import OPEN
from patchbay.world.documents import observations, target_documents
from patchbay.world.tenants import DEV, PRODUCTION
from patchbay.world.times import DAY
from patchbay.world.world import World


def test_spans_of_a_plugin_on_a_target_never_overlap(world: World) -> None:
    installs = world.society.installs
    order = np.lexsort((installs.start, installs.plugin, installs.target))
    same = (np.diff(installs.target[order]) == 0) & (np.diff(installs.plugin[order]) == 0)
    assert (installs.stop[order][:-1][same] <= installs.start[order][1:][same]).all()
    assert (installs.start < installs.stop).all()


def test_a_release_runs_only_after_it_was_made(world: World) -> None:
    installs, releases = world.society.installs, world.society.releases
    assert (releases.plugin[installs.release] == installs.plugin).all()
    assert (releases.at[installs.release] <= installs.start).all()


def test_upgrades_lag_and_development_is_ahead_of_production(world: World) -> None:
    society = world.society
    upgraded = ~society.installs.opens & (society.plugin != society.faults.bad_plugin)
    lag = (society.installs.start - society.releases.at[society.release]) / DAY
    stage = society.targets.environment[society.target]
    assert np.median(lag[upgraded & (stage == DEV)]) < np.median(lag[upgraded & (stage == PRODUCTION)])


def test_upgrades_go_forward_except_back_from_the_bad_release(world: World) -> None:
    society = world.society
    bad = society.releases.find(society.faults.bad_plugin, society.faults.bad_at)
    later = np.flatnonzero(~society.installs.opens)
    backwards = later[society.release[later] < society.release[later - 1]]
    assert len(backwards)
    assert (society.release[backwards - 1] == bad).all()
    back = len(backwards) / (society.release == bad).sum()
    assert 0.4 < back < 0.95


def test_what_a_plugin_needs_runs_wherever_it_runs(world: World) -> None:
    society = world.society
    closure = society.dependencies.required_closure(len(society.catalogue))
    for moment in np.linspace(society.config.adoption_start_us, society.config.end_us - 1, 6).astype(np.int64)[1:]:
        here = (society.installs.start <= moment) & (society.installs.stop > moment)
        running = set(zip(society.target[here].tolist(), society.plugin[here].tolist(), strict=True))
        assert running
        assert all((target, needs) in running for target, plugin in running for needs in closure[plugin])


def test_choices_follow_the_latent_taste_and_popularity_counts_for_less_as_time_goes_on(world: World) -> None:
    """As the share of the plugins a tenant still could choose that it likes less, or that are less popular."""
    by_taste, by_popularity = _ranks_of_choices(world, "taste"), _ranks_of_choices(world, "popularity")
    late = by_taste[:, 0] > 0.6
    assert by_taste[:, 1].mean() > 0.75
    assert by_taste[late, 1].mean() > by_popularity[late, 1].mean() + 0.15
    assert by_popularity[~late, 1].mean() > by_popularity[late, 1].mean()


def _ranks_of_choices(world: World, measure: str) -> np.ndarray:
    """(progress, rank among what was left) of each tenant's own choices of public plugins."""
    society, found = world.society, []
    public = society.catalogue.owner < 0
    for tenant in range(len(society.tenants)):
        value = society.affinity.tenants[tenant] if measure == "taste" else society.catalogue.popularity
        rows, left = np.flatnonzero(society.adoptions.tenant == tenant), public.copy()
        for place, row in enumerate(rows):
            plugin = society.adoptions.plugin[row]
            choice = left & (society.catalogue.created <= society.adoptions.at[row])
            if left[plugin] and not society.adoptions.dependency[row]:
                found.append((place / len(rows), (value[choice] < value[plugin]).mean()))
            left[plugin] = False
    return np.array(found)


def test_private_plugins_run_only_at_their_owner(world: World) -> None:
    owner = world.society.catalogue.owner[world.society.plugin]
    assert ((owner < 0) | (owner == world.society.tenant)).all()


def test_every_tenant_has_a_dev_and_a_production_target(world: World) -> None:
    for tenant in range(len(world.society.tenants)):
        documents = target_documents(world.society, tenant)
        assert {"dev", "production"} <= {document["environment"] for document in documents}
        assert len({document["name"] for document in documents}) == len(documents)


def test_observations_replay_to_what_runs_at_the_end(world: World) -> None:
    society = world.society
    refs, names, versions = society.catalogue.refs, society.targets.name, society.releases.version
    for tenant in range(len(society.tenants)):
        state: dict[tuple[str, str], str] = {}
        for row in observations(society, tenant):
            place = (row["target"], row["plugin"])
            if row["event"] == "removed":
                assert state.pop(place) == row["version"]
            else:
                assert (place in state) == (row["event"] == "updated")
                state[place] = row["version"]
        left = np.flatnonzero((society.tenant == tenant) & (society.installs.stop == OPEN))
        spans = zip(society.target[left], society.plugin[left], society.release[left], strict=True)
        assert state == {(names[target], refs[plugin]): versions[release] for target, plugin, release in spans}


def test_observations_are_in_order_and_within_the_history(world: World) -> None:
    times = [row["occurred_at"] for row in observations(world.society, 0)]
    assert times == sorted(times)
    assert times[-1] < "2026-11-01"


def test_some_plugins_are_removed_and_some_come_back(world: World) -> None:
    installs = world.society.installs
    assert installs.closes.sum() > 10
    stays = np.flatnonzero(installs.opens)
    places = list(zip(installs.target[stays].tolist(), installs.plugin[stays].tolist(), strict=True))
    assert len(places) > len(set(places))
