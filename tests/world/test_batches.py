import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal

import pyarrow as pa
import pytest

from patchbay.core.contracts.intake import USAGE_EVENT, USAGE_TYPES
from patchbay.world import batches as batching
from patchbay.world.batches import UsageBatch, usage_batches
from patchbay.world.config import NO_DEFECTS, DefectConfig
from patchbay.world.defects import UNKNOWN_PLUGIN
from patchbay.world.events import Events
from patchbay.world.wire import dictionaries, usage_table
from patchbay.world.world import World, build_world
from tests.world.conftest import SMALL


@pytest.fixture(scope="module")
def small() -> list[UsageBatch]:
    return list(usage_batches(build_world(SMALL)))


def _ids(batches: list[UsageBatch]) -> list[str]:
    return [event for batch in batches for event in batch.table["id"].to_pylist()]


def test_tables_are_of_the_usage_contract(small: list[UsageBatch]) -> None:
    for batch in small:
        assert batch.table.schema.equals(USAGE_EVENT.arrow_schema())
        batch.table.validate(full=True)


def test_the_same_world_gives_the_same_bytes(small: list[UsageBatch]) -> None:
    again = list(usage_batches(build_world(SMALL)))
    assert [batch.batch_id for batch in again] == [batch.batch_id for batch in small]
    assert [_bytes(batch.table) for batch in again] == [_bytes(batch.table) for batch in small]


def test_batches_are_of_one_tenant_and_no_longer_than_asked(small: list[UsageBatch]) -> None:
    world = build_world(SMALL)
    assert len({batch.batch_id for batch in small}) == len(small)
    for batch in small:
        assert world.society.tenants.slugs[batch.tenant] in batch.batch_id
        assert batch.events <= SMALL.batch_rows


def test_each_event_of_the_world_is_sent_once_when_there_are_no_defects() -> None:
    world = build_world(replace(SMALL, defects=NO_DEFECTS))
    batches = list(usage_batches(world))
    ids = _ids(batches)
    made = sum(len(world.events_of_day(day)) for day in range(SMALL.days))
    assert len(ids) == len(set(ids)) == made == sum(batch.events for batch in batches)
    assert not any(batch.repeated or batch.refused or batch.resent for batch in batches)


def test_cutting_the_window_into_spans_of_days_loses_nothing(
    small: list[UsageBatch], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batching, "SLAB_EVENTS", 1_500)
    pieces = list(usage_batches(build_world(SMALL)))
    assert len({batch.batch_id for batch in pieces}) == len(pieces) > len(small)
    assert set(_ids(pieces)) == set(_ids(small))


def test_defects_are_exactly_as_many_as_configured(small: list[UsageBatch]) -> None:
    defects = DefectConfig()
    first, last = small[0], small[-1]
    assert (first.repeated, first.refused) == (
        defects.repeated_in_batch,
        defects.unknown_plugins + defects.future_times,
    )
    ids = first.table["id"].to_pylist()
    assert len(ids) - len(set(ids)) == defects.repeated_in_batch
    assert first.table["plugin"].to_pylist().count(UNKNOWN_PLUGIN) == defects.unknown_plugins
    assert sum(at.year == 2199 for at in first.table["at"].to_pylist()) == defects.future_times
    assert sum(batch.refused + batch.repeated for batch in small[1:]) == 0
    assert last.resent == defects.repeated_across_batches


def test_the_late_batch_holds_one_early_day_and_comes_last(small: list[UsageBatch]) -> None:
    late, earlier = small[-1], [batch for batch in small[:-1] if batch.tenant == 1]
    fresh = late.table.slice(0, late.events)
    days = {at.date() for at in fresh["at"].to_pylist()}
    assert late.batch_id.endswith("-late")
    assert len(days) == 1
    assert max(max(batch.table["at"].to_pylist()).date() for batch in earlier) > days.pop()
    resent = set(late.table.slice(late.events)["id"].to_pylist())
    assert resent <= set(earlier[0].table["id"].to_pylist())


def test_columns_say_on_the_wire_what_the_numbers_mean(world: World, events: Events) -> None:
    sample = events.take(slice(0, len(events), 97))
    rows = usage_table(dictionaries(world.config, world.society), sample).to_pylist()
    names: dict[str, Callable[[int], str]] = {
        "plugin": world.society.catalogue.refs.__getitem__,
        "version": world.society.releases.version.__getitem__,
        "target": world.society.targets.name.__getitem__,
        "person": world.society.persons.name.__getitem__,
    }
    for place, row in enumerate(rows):
        assert row["type"] == USAGE_TYPES[sample["type"][place]]
        assert row["outcome"] == {"use": "ok", "error": "error"}.get(row["type"])
        for column, number in (
            ("plugin", "plugin"),
            ("version", "release"),
            ("target", "target"),
            ("person", "person"),
        ):
            index = int(sample[number][place])
            assert row[column] == (names[column](index) if index >= 0 else None)
        cost = int(sample["cost"][place])
        assert row["cost"] == (Decimal(cost) / 1_000_000 if cost >= 0 else None)
        assert (row["environment"] is None) == (row["target"] is None)


def test_making_usage_does_not_import_pandas() -> None:
    script = (
        "import sys; from patchbay.world.batches import usage_batches; from patchbay.world.world import build_world;"
        "from patchbay.world.statistics import statistics_table; from patchbay.world.config import WorldConfig;"
        "world = build_world(WorldConfig(plugins=20, tenants=2, days=7, events=2000));"
        "list(usage_batches(world)); statistics_table(world.society); sys.exit('pandas' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", script], check=True)


def _bytes(table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return bytes(sink.getvalue())
