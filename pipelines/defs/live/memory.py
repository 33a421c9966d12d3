"""What a tick remembers, in the storage port: written whole before the tick is sent, together with the tick itself.

So a tick that was killed on its way is sent again as it was, and none is counted twice. What changes by the hour only (the
week's table of every series) lies in an object of its own, which is written first; the small one names it.
"""

from dataclasses import dataclass, field
from typing import Any

from models.anomalies.state import State
from models.artefact import FOLDER
from patchbay.core.storage import ObjectMissing, Storage
from pipelines.defs.learn.detecting import Detected, dump, from_document, nothing, restore, to_document

PLACE = f"{FOLDER}/live"
TICK = f"{PLACE}/tick.bin"
HOURLY = ("week_events", "week_hours")

Tick = dict[str, Any]
"""`id`, `at` and `samples`, as they were or will be sent."""


@dataclass(slots=True)
class Memory:
    """Where the detectors stand and the last tick.

    `version` is that of the detectors it began with. `last` says what was seen in the newest complete minute: minute, and by
    series score, uses and errors. `traces` holds the newest trace of what came in for a series or release. `published` names
    the anomalies as they were published; `risk` holds the scores in force.
    """

    version: str | None = None
    seen: Detected = field(default_factory=nothing)
    tick: Tick | None = None
    last: dict[str, Any] = field(default_factory=dict)
    traces: dict[str, str] = field(default_factory=dict)
    published: str | None = None
    risk: dict[str, Any] = field(default_factory=dict)


def load(storage: Storage) -> Memory:
    """What the last tick wrote; nothing before the first."""
    try:
        document = restore(storage.read_bytes(TICK))
    except ObjectMissing:
        return Memory()
    hourly = restore(storage.read_bytes(document.pop("hourly")))
    seen = document.pop("seen")
    seen["state"] |= hourly["state"]
    return Memory(seen=from_document(seen | {"keys": hourly["keys"]}), **document)


def save(storage: Storage, memory: Memory) -> None:
    """Write everything; readers and a later tick see all of it or what was there before."""
    document = to_document(memory.seen)
    state, keys = document["state"], document.pop("keys")
    hourly = {"keys": keys, "state": {name: state.pop(name) for name in HOURLY}}
    place = _place(memory, memory.seen.detector.state)
    if not storage.exists(place):
        storage.put(place, dump(hourly))
    told = {"version": memory.version, "tick": memory.tick, "last": memory.last, "traces": memory.traces}
    more = {"published": memory.published, "risk": memory.risk}
    storage.put(TICK, dump({"seen": document, "hourly": place, **told, **more}))
    for old in list(storage.list(PLACE)):
        if old not in (TICK, place):
            storage.delete(old)


def _place(memory: Memory, state: State) -> str:
    return f"{PLACE}/week-{memory.version or 'none'}-{state.hour if state.hour is not None else 'begin'}.bin"
