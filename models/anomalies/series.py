"""Which series there are: all uses, each tenant's, each plugin's, and each pair's; and their counts per minute."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import polars as pl
from numpy.typing import NDArray

LEVELS: tuple[tuple[str, ...], ...] = ((), ("tenant",), ("plugin",), ("tenant", "plugin"))


@dataclass(frozen=True, slots=True)
class SeriesKey:
    """What is counted; None means all tenants, or all plugins."""

    tenant: str | None = None
    plugin: str | None = None

    def covers(self, other: Self) -> bool:
        """Whether everything counted in the other is counted here too."""
        return self.tenant in (None, other.tenant) and self.plugin in (None, other.plugin)

    def touches(self, other: Self) -> bool:
        """Whether one event may be counted in both."""
        tenants, plugins = {self.tenant, other.tenant} - {None}, {self.plugin, other.plugin} - {None}
        return len(tenants) < 2 and len(plugins) < 2


def series_of(uses: pl.DataFrame, *, least: int = 1) -> list[SeriesKey]:
    """Keys of all series with at least so many uses, from the whole to the pairs.

    `uses` has the columns tenant, plugin and uses, and may have more. What a small series counts is also in its parents,
    so leaving it out loses no event.
    """
    keys: list[SeriesKey] = []
    for level in LEVELS:
        sums = uses.group_by(level).agg(pl.col("uses").sum()) if level else uses.select(pl.col("uses").sum())
        busy = sums.filter(pl.col("uses") >= least).sort(level) if level else sums.filter(pl.col("uses") >= least)
        keys += [SeriesKey(row.get("tenant"), row.get("plugin")) for row in busy.to_dicts()]
    return keys


def counts_per_minute(
    uses: pl.DataFrame, keys: Sequence[SeriesKey], start: int, minutes: int, *, begun: bool = False
) -> NDArray[np.int32]:
    """Counts (minutes, S) from the minute `start` on, of uses by tenant, plugin and `minute` since the epoch.

    Minutes without uses are 0; those before a series' first use are -1, not observed, unless all have `begun` before.
    Uses outside the stretch and of no key are left out.
    """
    counts = np.zeros((minutes, len(keys)), dtype=np.int32)
    within = uses.filter(pl.col("minute").is_between(start, start + minutes, closed="left"))
    for level in LEVELS:
        places = {key: place for place, key in enumerate(keys) if _level(key) == level}
        if places:
            _add(counts, within, level, places, start)
    if not begun:
        first = np.where(counts.any(axis=0), np.argmax(counts > 0, axis=0), minutes)
        counts[np.arange(minutes)[:, None] < first] = -1
    return counts


def _add(
    counts: NDArray[np.int32], uses: pl.DataFrame, level: tuple[str, ...], places: dict[SeriesKey, int], start: int
) -> None:
    names = {name: [getattr(key, name) for key in places] for name in level}
    wanted = pl.DataFrame({**names, "place": list(places.values())}, schema_overrides=dict.fromkeys(level, pl.String))
    found = uses.join(wanted, on=level) if level else uses.join(wanted, how="cross")
    sums = found.group_by("minute", "place").agg(pl.col("uses").sum())
    counts[sums["minute"].to_numpy() - start, sums["place"].to_numpy()] = sums["uses"].to_numpy()


def _level(key: SeriesKey) -> tuple[str, ...]:
    return tuple(name for name in ("tenant", "plugin") if getattr(key, name) is not None)
