"""How fast a world's usage is made, beside plain random columns: `python -m benchmarks.world [--quick]`.

What is timed ends with Arrow tables of the usage contract, ready to be posted. The limit is NumPy filling one column of
random numbers for each column of the contract. The last line is one JSON object.
"""

import argparse
import json
import resource
import time
from collections.abc import Callable
from typing import TypeVar

import numpy as np

from patchbay.core.contracts.intake import USAGE_EVENT
from patchbay.world.batches import usage_batches
from patchbay.world.config import WorldConfig
from patchbay.world.world import World, build_world

REPEATS = 3

T = TypeVar("T")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--quick", action="store_true", help="a tenth of the default world, once")
    quick = parser.parse_args().quick
    config = WorldConfig(tenants=8, days=45) if quick else WorldConfig()
    repeats = 1 if quick else REPEATS
    build_seconds, world = _best(1, lambda: build_world(config))
    seconds, events = _best(repeats, lambda: _generate(world))
    limit_seconds, _ = _best(repeats, lambda: _random_columns(events))
    result = {
        "benchmark": "world",
        "events": events,
        "build_seconds": round(build_seconds, 3),
        "seconds": round(seconds, 3),
        "events_per_s": round(events / seconds),
        "limit_events_per_s": round(events / limit_seconds),
        "ratio": round(limit_seconds / seconds, 3),
        "peak_rss_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }
    print(f"{events:,} events in {seconds:.2f} s; {result['ratio']:.0%} of the rate of plain random columns")
    print(json.dumps(result))


def _best(repeats: int, work: Callable[[], T]) -> tuple[float, T]:
    """Seconds of the fastest run and what the last one gave: other load can only slow a run down."""
    fastest = float("inf")
    for _ in range(repeats):
        started = time.perf_counter()
        value = work()
        fastest = min(fastest, time.perf_counter() - started)
    return fastest, value


def _generate(world: World) -> int:
    return sum(batch.table.num_rows for batch in usage_batches(world))


def _random_columns(rows: int) -> int:
    rng = np.random.Generator(np.random.SFC64(1))
    columns = [rng.random(rows) for _ in USAGE_EVENT.columns]
    return len(columns)


if __name__ == "__main__":
    main()
