"""Damages Arrow streams at random and parses them: `python -m tests.registry_api.intake.mutate SEED COUNT`.

A process of its own, since what it looks for is a parser that takes the process down. Prints how the bodies were judged.
"""

import json
import random
import sys
from collections import Counter
from datetime import UTC, datetime
from uuid import uuid4

import polars as pl
import pyarrow as pa

from patchbay.core.clock import utcnow
from registry_api.intake.columnar.arrow import parse_arrow
from registry_api.intake.columnar.receive import _judge
from registry_api.intake.columnar.segments import stored_table
from registry_api.intake.names import Names
from registry_api.problems import Problem
from registry_api.usage.stream import USAGE
from tests.registry_api.intake_data import stream

ROWS = 50
NAMES = Names(
    pl.DataFrame({"plugin": ["jenkins:git"], "plugin_id": ["p"]}),
    pl.DataFrame({"plugin_id": ["p"], "version": ["1.0.0"], "release_id": ["r"]}),
    pl.DataFrame({"target": ["t"], "target_id": ["t"], "target_environment": ["dev"]}),
)


def bodies() -> list[bytes]:
    """Good streams, with plain and with dictionary text."""
    plain = pa.table(
        {
            "id": [f"event-{place}" for place in range(ROWS)],
            "type": ["use"] * ROWS,
            "at": pa.array([datetime(2026, 5, 1, tzinfo=UTC)] * ROWS, pa.timestamp("us", "UTC")),
            "plugin": ["jenkins:git"] * ROWS,
            "version": ["1.0.0"] * ROWS,
            "quantity": list(range(1, ROWS + 1)),
            "duration_ms": [float(place) for place in range(ROWS)],
        }
    )
    return [stream(plain), stream(plain.set_column(0, "id", plain.column("id").dictionary_encode()))]


def damaged(body: bytes, chance: random.Random) -> bytes:
    """The body with a few bytes changed."""
    found = bytearray(body)
    for _ in range(chance.randint(1, 6)):
        found[chance.randrange(len(found))] = chance.randrange(256)
    return bytes(found)


def judged(body: bytes) -> str:
    """What becomes of a body, up to the file's table."""
    try:
        found = _judge(USAGE, parse_arrow(body, USAGE.wire, 1 << 26), NAMES, utcnow())
    except Problem as problem:
        return problem.code
    good = found.good.with_columns(subject_id=pl.lit(None, pl.String))
    stored_table(USAGE.shape(good, uuid4()), USAGE.stored)
    return "rejects" if found.rejects.rows else "good"


def main() -> None:
    """Count the judgements; any other end is a finding."""
    chance = random.Random(int(sys.argv[1]))
    good = bodies()
    print(json.dumps(Counter(judged(damaged(chance.choice(good), chance)) for _ in range(int(sys.argv[2])))))


if __name__ == "__main__":
    main()
