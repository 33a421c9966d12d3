"""From number columns to the Arrow table of the usage contract: names come from small dictionaries, no loops."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from patchbay.core.contracts.intake import USAGE_EVENT, USAGE_TYPES
from patchbay.world.arrow import fixed, named, numbered, strings
from patchbay.world.config import WorldConfig
from patchbay.world.events import ERROR, USE, Array, Events
from patchbay.world.society import Society
from patchbay.world.tenants import ENVIRONMENTS
from patchbay.world.words import ERROR_CODES

_MICROS = pa.timestamp("us", "UTC")
_DIGITS = 12
_MONEY = pa.decimal128(18, 6)


@dataclass(frozen=True, slots=True)
class Dictionaries:
    """What the index columns mean, as Arrow strings."""

    key: str
    types: pa.StringArray
    plugins: pa.StringArray
    versions: pa.StringArray
    targets: pa.StringArray
    stages: pa.StringArray
    persons: pa.StringArray
    errors: pa.StringArray
    stage_of_target: Array


def dictionaries(config: WorldConfig, society: Society) -> Dictionaries:
    """The names of a world."""
    return Dictionaries(
        key=config.key,
        types=strings(USAGE_TYPES),
        plugins=strings(society.catalogue.refs),
        versions=strings(society.releases.version),
        targets=strings(society.targets.name),
        stages=strings(ENVIRONMENTS),
        persons=strings(society.persons.name),
        errors=strings(ERROR_CODES),
        stage_of_target=society.targets.environment.astype(np.int8),
    )


def usage_table(words: Dictionaries, events: Events) -> pa.Table:
    """The events as a table of the `usage_event` contract, one row per event in the same order."""
    target = events["target"]
    stage = np.where(target >= 0, words.stage_of_target[target], np.int8(-1))
    outcome = np.select([events["type"] == USE, events["type"] == ERROR], [0, 1], -1).astype(np.int8)
    columns = {
        "id": numbered(f"{words.key}-", events["number"], _DIGITS),
        "type": named(events["type"], words.types),
        "at": fixed(events["at"], _MICROS),
        "plugin": named(events["plugin"], words.plugins),
        "version": named(events["release"], words.versions),
        "target": named(target, words.targets),
        "environment": named(stage, words.stages),
        "person": named(events["person"], words.persons),
        "session": numbered("s", events["session"], _DIGITS),
        "outcome": named(outcome, strings(["ok", "error"])),
        "error_code": named(events["error"], words.errors),
        "duration_ms": _measure(events["duration"]),
        "quantity": _count(events["quantity"]),
        "score": _count(events["score"]),
        "cpu_percent": _measure(events["cpu"]),
        "memory_bytes": _count(events["memory"]),
        "cost": _money(events["cost"]),
    }
    return pa.table(columns, schema=USAGE_EVENT.arrow_schema())


def _measure(values: Array) -> pa.DoubleArray:
    return fixed(values, pa.float64(), ~np.isnan(values))


def _count(values: Array) -> pa.Int64Array:
    return fixed(values.astype(np.int64, copy=False), pa.int64(), values >= 0)


def _money(millionths: Array) -> pa.Decimal128Array:
    """Decimal(18, 6) straight from millionths: sixteen bytes each, low half first (amounts are never negative)."""
    halves = np.zeros((len(millionths), 2), dtype="<i8")
    halves[:, 0] = np.maximum(millionths, 0)
    return fixed(halves, _MONEY, millionths >= 0)
