"""Weighs refused batches of a million rows: `python -m tests.registry_api.intake.weigh arrow|ndjson`.

A process of its own, since memory that one test gave back would hide what the next one takes. Prints megabytes: what the process grew by
at most while the batch was judged and its rejects were stored, and then while one page of them was read.
"""

import json
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import UUID

import pyarrow as pa

from patchbay.core.clock import utcnow
from patchbay.core.storage import LocalStorage
from registry_api.intake.columnar.arrow import parse_arrow
from registry_api.intake.columnar.ndjson import parse_ndjson
from registry_api.intake.columnar.receive import _judge
from registry_api.intake.rejects import read_rejects, rejects_key
from registry_api.usage.stream import USAGE
from tests.registry_api.intake.mutate import NAMES
from tests.registry_api.intake_data import stream

ROWS = 1_000_000
TEXTS = ("id", "plugin", "version", "target", "person", "session", "error_code")
STATUS, PEAK = Path("/proc/self/status"), Path("/proc/self/clear_refs")


def arrow() -> bytes:
    """A few megabytes whose texts are named a million times each."""
    indices = pa.array([0] * ROWS, pa.int8())
    texts = {name: pa.DictionaryArray.from_arrays(indices, [f"the same {name}"]) for name in (*TEXTS, "type")}
    return stream(pa.table({**texts, "at": pa.nulls(ROWS)}))


def ndjson() -> bytes:
    """Lines of which each is refused by itself."""
    return b"".join(b'{"id":%d,"type":"x"}\n' % place for place in range(ROWS))


def memory(name: str) -> int:
    """VmRSS or VmHWM, in megabytes."""
    return next(int(line.split()[1]) // 1024 for line in STATUS.read_text().splitlines() if line.startswith(name))


def main() -> None:
    """Judge, store, read a page."""
    body = {"arrow": arrow, "ndjson": ndjson}[sys.argv[1]]()
    PEAK.write_text("5")  # forget the peak so far
    before = memory("VmRSS")
    with TemporaryDirectory() as folder:
        storage, key = LocalStorage(folder), rejects_key(UUID(int=1), UUID(int=2))
        parsed = parse_ndjson(body, USAGE.wire) if sys.argv[1] == "ndjson" else parse_arrow(body, USAGE.wire, 1 << 26)
        rejects = _judge(USAGE, parsed, NAMES, utcnow()).rejects
        rejects.store(storage, key)
        judged = memory("VmHWM") - before
        PEAK.write_text("5")
        before = memory("VmRSS")
        page = read_rejects(storage, key, 555_555, 2)
        read = memory("VmHWM") - before
    print(json.dumps({"rows": rejects.rows, "judged": judged, "page": page["row_index"].to_list(), "read": read}))


if __name__ == "__main__":
    main()
