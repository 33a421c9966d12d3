"""Deliberate faults of the sender, so that rejects, duplicates and late data can be seen; their numbers are known."""

from datetime import date

import numpy as np
import pyarrow as pa

from patchbay.world.arrow import fixed, strings
from patchbay.world.config import DefectConfig
from patchbay.world.times import micros

UNKNOWN_PLUGIN = "nobody:no-such-plugin"
FAR_FUTURE = micros(date(2199, 1, 1))


def first_table(table: pa.Table, defects: DefectConfig, key: str) -> tuple[pa.Table, int, int]:
    """A table with rows repeated and unacceptable rows added at its end, with how many of each there are."""
    repeated = table.slice(0, defects.repeated_in_batch)
    unknown, future = (table.slice(0, count) for count in (defects.unknown_plugins, defects.future_times))
    wrong_plugin = strings([UNKNOWN_PLUGIN] * len(unknown))
    wrong_time = fixed(np.full(len(future), FAR_FUTURE), table.schema.field("at").type)
    spoilt = [
        _spoilt(unknown, f"{key}-unknown", "plugin", wrong_plugin),
        _spoilt(future, f"{key}-future", "at", wrong_time),
    ]
    return pa.concat_tables([table, repeated, *spoilt]), len(repeated), sum(map(len, spoilt))


def closing_table(late: pa.Table, resent: pa.Table) -> pa.Table:
    """Late rows, then rows that an earlier batch already held: only who reads all batches can tell."""
    return pa.concat_tables([late, resent])


def _spoilt(rows: pa.Table, prefix: str, column: str, wrong: pa.Array) -> pa.Table:
    """The rows with ids of their own and one column made unacceptable."""
    ids = strings([f"{prefix}-{place}" for place in range(len(rows))])
    for name, values in (("id", ids), (column, wrong)):
        place = rows.schema.get_field_index(name)
        rows = rows.set_column(place, rows.schema.field(place), values)
    return rows
