from datetime import date

import pytest

from patchbay.world.config import NO_DEFECTS, WorldConfig


def test_the_default_world_aims_at_two_million_events() -> None:
    assert WorldConfig().event_target == 2_000_000


def test_fewer_tenants_days_and_plugins_mean_fewer_events() -> None:
    assert WorldConfig(tenants=20).event_target == 1_000_000
    assert WorldConfig(days=45).event_target == 1_000_000
    assert WorldConfig(plugins=125).event_target == 1_000_000
    assert WorldConfig(events=5_000).event_target == 5_000


def test_the_window_ends_where_the_config_says() -> None:
    config = WorldConfig(days=31, end=date(2026, 11, 1))
    assert config.start == date(2026, 10, 1)
    assert (config.end_us - config.start_us) == 31 * 86_400_000_000


@pytest.mark.parametrize(
    ("field", "value"),
    [("plugins", 9), ("tenants", 1), ("days", 6), ("seed", -1), ("batch_rows", 10), ("adoption_days", 30)],
)
def test_impossible_sizes_are_refused_by_name(field: str, value: int) -> None:
    with pytest.raises(ValueError, match=field):
        WorldConfig(**{field: value})


def test_releases_cannot_begin_after_adoption() -> None:
    with pytest.raises(ValueError, match="release_days"):
        WorldConfig(release_days=100)


def test_every_field_changes_the_name_of_the_world() -> None:
    worlds = [WorldConfig(), WorldConfig(seed=8), WorldConfig(tenants=41), WorldConfig(defects=NO_DEFECTS)]
    assert len({world.key for world in worlds}) == len(worlds)
    assert WorldConfig().key == WorldConfig().key


def test_each_part_and_day_has_a_random_stream_of_its_own() -> None:
    config = WorldConfig()
    draws = [config.rng("uses", 1), config.rng("uses", 2), config.rng("samples", 1), WorldConfig(seed=8).rng("uses", 1)]
    assert len({rng.integers(1 << 60) for rng in draws}) == len(draws)
    assert config.rng("uses", 1).integers(1 << 60) == config.rng("uses", 1).integers(1 << 60)
