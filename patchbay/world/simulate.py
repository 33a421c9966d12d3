"""Sending a world through the API: catalogue, tenants, installations, outside statistics, then usage."""

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

from patchbay.core.client import ApiError, BatchResult, Client
from patchbay.core.clock import utcnow
from patchbay.world.batches import UsageBatch, usage_batches
from patchbay.world.config import WorldConfig
from patchbay.world.documents import advisory_documents, observations, plugin_documents, target_documents
from patchbay.world.society import Society
from patchbay.world.statistics import statistics_table
from patchbay.world.truths import write_truths
from patchbay.world.world import World, build_world

Progress = Callable[[str, int, int], None]
"""Told (stage, done, total) as a stage goes on; total is an estimate for usage events, exact elsewhere."""

PLUGINS_PER_POST, OBSERVATIONS_PER_POST, ADVISORIES_PER_POST, TARGETS_PER_POST = 100, 5_000, 1_000, 1_000

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Summary:
    """What was sent and how the registry took it. `events_*`, `duplicates` and `rejected` are about usage rows.

    `duplicates` are repeats inside one batch, which the registry counts at its door; `resent_events` were accepted in
    two batches, and staging drops one. `expected_*` are what the deliberate defects must lead to. `unplanned_rejects`
    are refused catalogue, advisory, target, observation and statistic rows: none in a sound world. `replayed_batches`
    were known from an earlier run.
    """

    plugins: int = 0
    releases: int = 0
    tenants: int = 0
    targets: int = 0
    observations: int = 0
    statistics: int = 0
    events_generated: int = 0
    events_accepted: int = 0
    resent_events: int = 0
    duplicates: int = 0
    rejected: int = 0
    expected_duplicates: int = 0
    expected_rejects: int = 0
    unplanned_rejects: int = 0
    usage_batches: int = 0
    replayed_batches: int = 0
    seconds: float = 0.0

    @property
    def as_expected(self) -> bool:
        """Whether every event arrived and exactly the deliberate defects were found."""
        return (
            self.events_accepted == self.events_generated + self.resent_events
            and self.duplicates == self.expected_duplicates
            and self.rejected == self.expected_rejects
            and not self.unplanned_rejects
        )


def run(
    config: WorldConfig, client: Client, progress: Progress | None = None, *, truth_path: Path | None = None
) -> Summary:
    """Send the world of `config` as a platform administrator; the truths go to `truth_path` and nowhere else.

    Batch ids follow from the config, so a second run changes nothing and an interrupted one goes on. Raises ValueError
    for a world that ends after today (a registry refuses the future) and lets `ApiError` and `ApiUnreachable` through.
    """
    if config.end > utcnow().date():
        raise ValueError(f"the world ends on {config.end}, which is not over yet; choose an end of today or before")
    started, tell = time.monotonic(), progress or _silent
    tell("world", 0, 1)
    world = build_world(config)
    tell("world", 1, 1)
    if truth_path is not None:
        write_truths(truth_path, config, world.truths, world.names)
    summary = _send_society(world.society, client, tell)
    summary = _send_usage(world, client, tell, summary)
    return replace(summary, seconds=round(time.monotonic() - started, 3))


def _send_society(society: Society, client: Client, tell: Progress) -> Summary:
    results = [*_send_catalogue(society, client, tell)]
    seen = 0
    for tenant in _counted("tenants", range(len(society.tenants)), tell):
        results += _send_tenant(society, client, tenant)
        rows = observations(society, tenant)
        seen += len(rows)
        acting = client.acting_in(society.tenants.slugs[tenant])
        results += [acting.post_observations(part) for part in _parts(rows, OBSERVATIONS_PER_POST)]
    statistics = statistics_table(society)
    results.append(client.post_statistics(f"world-{society.config.key}-statistics", statistics))
    return Summary(
        plugins=len(society.catalogue),
        releases=len(society.releases),
        tenants=len(society.tenants),
        targets=len(society.targets),
        observations=seen,
        statistics=len(statistics),
        unplanned_rejects=sum(result.rejected for result in results),
    )


def _send_catalogue(society: Society, client: Client, tell: Progress) -> Iterator[BatchResult]:
    parts = _parts(plugin_documents(society), PLUGINS_PER_POST)
    for part in _counted("catalogue", parts, tell):
        yield client.post_catalogue(part)
    for part in _parts(advisory_documents(society), ADVISORIES_PER_POST):
        yield client.post_advisories(part)


def _send_tenant(society: Society, client: Client, tenant: int) -> Iterator[BatchResult]:
    """The tenant itself, its private plugins and its targets; one that is there already is used as it is."""
    slug = society.tenants.slugs[tenant]
    try:
        client.create_tenant(slug, society.tenants.names[tenant])
    except ApiError as error:
        if error.code != "tenant_exists":
            raise
    acting = client.acting_in(slug)
    for part in _parts(plugin_documents(society, owner=tenant), PLUGINS_PER_POST):
        yield acting.post_catalogue(part)
    for part in _parts(target_documents(society, tenant), TARGETS_PER_POST):
        yield acting.post_targets(part)


def _send_usage(world: World, client: Client, tell: Progress, summary: Summary) -> Summary:
    """Post batch after batch while the next one is being made; the estimate of the total gives way to the truth."""
    total, done = world.config.event_target, 0
    tell("usage", 0, total)
    for batch in _ahead(usage_batches(world)):
        acting = client.acting_in(world.society.tenants.slugs[batch.tenant])
        summary = _counting(summary, batch, acting.post_usage(batch.batch_id, batch.table))
        done += len(batch.table)
        tell("usage", done, max(done, total))
    tell("usage", done, done)
    return summary


def _counting(summary: Summary, batch: UsageBatch, result: BatchResult) -> Summary:
    return replace(
        summary,
        events_generated=summary.events_generated + batch.events,
        events_accepted=summary.events_accepted + result.accepted,
        resent_events=summary.resent_events + batch.resent,
        duplicates=summary.duplicates + result.duplicates,
        rejected=summary.rejected + result.rejected,
        expected_duplicates=summary.expected_duplicates + batch.repeated,
        expected_rejects=summary.expected_rejects + batch.refused,
        usage_batches=summary.usage_batches + 1,
        replayed_batches=summary.replayed_batches + result.replayed,
    )


def _ahead(batches: Iterator[UsageBatch]) -> Iterator[UsageBatch]:
    """The same batches, each made on another thread while the one before is in use."""
    with ThreadPoolExecutor(1, thread_name_prefix="world") as pool:
        coming = pool.submit(next, batches, None)
        while (batch := coming.result()) is not None:
            coming = pool.submit(next, batches, None)
            yield batch


def _parts(items: list[T], size: int) -> list[list[T]]:
    return [items[start : start + size] for start in range(0, len(items), size)]


def _counted(stage: str, items: Sequence[T], tell: Progress) -> Iterator[T]:
    for place, item in enumerate(items):
        tell(stage, place, len(items))
        yield item
    tell(stage, len(items), len(items))


def _silent(stage: str, done: int, total: int) -> None:
    """Nobody is watching."""
