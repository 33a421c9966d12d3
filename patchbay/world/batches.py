"""Usage as the sender posts it: batches per tenant with ids that never change, so a rerun repeats, a resume goes on."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from patchbay.world.defects import closing_table, first_table
from patchbay.world.events import Events, concat
from patchbay.world.times import DAY, Flags
from patchbay.world.wire import Dictionaries, dictionaries, usage_table
from patchbay.world.world import World

SLAB_EVENTS = 2_500_000
"""Events held in memory at once, about 90 bytes each."""


@dataclass(frozen=True, slots=True)
class UsageBatch:
    """One post: `events` are new and sound; `repeated` rows stand twice in it, `resent` ones stood in an earlier batch
    and `refused` ones must come back as rejects."""

    batch_id: str
    tenant: int
    table: pa.Table
    events: int
    repeated: int = 0
    resent: int = 0
    refused: int = 0


def usage_batches(world: World) -> Iterator[UsageBatch]:
    """All usage of a world, tenant after tenant within spans of days; what is late comes last.

    The largest tenant's first batch carries the repeated and the unacceptable rows, the second tenant the late ones.
    """
    words, numbers = dictionaries(world.config, world.society), [0] * world.config.tenants
    late: list[Events] = []
    resent: Events | None = None
    for slab in _slabs(world):
        for tenant, (events, held) in enumerate(zip(*_by_tenant(world, slab), strict=True)):
            late.append(held)
            for chunk in _chunks(events, world.config.batch_rows):
                if tenant == 1 and resent is None:
                    resent = chunk.take(slice(0, world.config.defects.repeated_across_batches))
                yield _batch(world, words, tenant, numbers[tenant], chunk)
                numbers[tenant] += 1
    yield from _closing(world, words, concat(late), resent if resent is not None else concat([]))


def _slabs(world: World) -> Iterator[list[Events]]:
    """Consecutive days, as many as fit into memory comfortably."""
    slab: list[Events] = []
    for day in range(world.config.days):
        slab.append(world.events_of_day(day))
        if sum(map(len, slab)) >= SLAB_EVENTS:
            yield slab
            slab = []
    if slab:
        yield slab


def _by_tenant(world: World, slab: list[Events]) -> tuple[list[Events], list[Events]]:
    """Each tenant's events of a slab, and those of them that are held back until the end."""
    tenants = np.arange(world.config.tenants + 1)
    edges = [np.searchsorted(day["tenant"], tenants) for day in slab]
    sent, held = [], []
    for tenant in range(world.config.tenants):
        mine = concat([day.take(slice(*edge[tenant : tenant + 2])) for day, edge in zip(slab, edges, strict=True)])
        late = _late(world, tenant, mine)
        sent.append(mine if late is None else mine.take(~late))
        held.append(concat([]) if late is None else mine.take(late))
    return sent, held


def _late(world: World, tenant: int, events: Events) -> Flags | None:
    """The second tenant's events of one day in the first third of the window, if the world has a late batch."""
    if tenant != 1 or not world.config.defects.late_batch:
        return None
    since = world.config.start_us + world.config.days // 3 * DAY
    return np.asarray((events["at"] >= since) & (events["at"] < since + DAY))


def _chunks(events: Events, rows: int) -> Iterator[Events]:
    for start in range(0, len(events), rows):
        yield events.take(slice(start, start + rows))


def _batch(world: World, words: Dictionaries, tenant: int, number: int, events: Events) -> UsageBatch:
    table, defects = usage_table(words, events), world.config.defects
    batch_id = f"world-{world.config.key}-{world.society.tenants.slugs[tenant]}-{number:04d}"
    if tenant or number:
        return UsageBatch(batch_id, tenant, table, len(events))
    table, repeated, refused = first_table(table, defects, world.config.key)
    return UsageBatch(batch_id, tenant, table, len(events), repeated=repeated, refused=refused)


def _closing(world: World, words: Dictionaries, late: Events, resent: Events) -> Iterator[UsageBatch]:
    """The second tenant's last batch; none when nothing is late and nothing is sent again."""
    if len(late) + len(resent):
        table = closing_table(usage_table(words, late), usage_table(words, resent))
        batch_id = f"world-{world.config.key}-{world.society.tenants.slugs[1]}-late"
        yield UsageBatch(batch_id, 1, table, len(late), resent=len(resent))
