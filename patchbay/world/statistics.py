"""Outside popularity: monthly downloads of public plugins as another index would publish them."""

from datetime import date

import numpy as np
import pyarrow as pa

from patchbay.core.contracts.intake import STATISTIC
from patchbay.world.arrow import fixed, named, strings
from patchbay.world.catalogue import OPERATOR
from patchbay.world.society import Society
from patchbay.world.times import DAY, Ints, micros, moment

SOURCE = "world-index"
_LARGEST = 250_000.0


def statistics_table(society: Society) -> pa.Table:
    """One row per public plugin and month from its first release to the last whole month before the world's end."""
    config, catalogue = society.config, society.catalogue
    months = _months(moment(config.release_start_us).date(), config.end)
    starts = np.array([micros(month) for month in months])
    plugin, month = np.nonzero(
        (catalogue.created[:, None] < starts + 28 * DAY) & (catalogue.owner[:, None] == OPERATOR)
    )
    counts = _downloads(society, plugin, month, np.array([first.month for first in months]))
    count = len(plugin)
    days = np.array(months, dtype="datetime64[D]").astype(np.int32)
    columns = {
        "plugin": named(plugin, strings(catalogue.refs)),
        "version": pa.nulls(count, pa.string()),
        "period": fixed(days[month], pa.date32()),
        "grain": strings(["month"] * count),
        "metric": strings(["downloads"] * count),
        "count": fixed(counts, pa.int64()),
        "source": strings([SOURCE] * count),
    }
    return pa.table(columns, schema=STATISTIC.arrow_schema())


def _months(since: date, until: date) -> list[date]:
    """First days of the whole months within [since, until)."""
    first = since.year * 12 + since.month - 1 + (since.day > 1)
    last = until.year * 12 + until.month - 1
    return [date(number // 12, number % 12 + 1, 1) for number in range(first, last)]


def _downloads(society: Society, plugin: Ints, month: Ints, calendar: Ints) -> Ints:
    """Popularity, a trend, fewer in July, August and December, and noise; at least one."""
    rng = society.config.rng("statistics")
    popularity = society.catalogue.popularity - society.catalogue.popularity.max()
    trend = 0.35 * society.catalogue.slope[plugin] * (month / 12.0 - 1.0)
    slack = np.isin(calendar, (7, 8, 12))[month] * -0.15
    level = np.log(_LARGEST) + popularity[plugin] + trend + slack + rng.normal(0.0, 0.08, len(plugin))
    counts: Ints = np.maximum(1, np.round(np.exp(level))).astype(np.int64)
    return counts
