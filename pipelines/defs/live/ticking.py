"""One look at the minute counters: score, remember, publish, tell the rules."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import polars as pl

from models.anomalies.evidence import COMPONENTS
from models.anomalies.many import ManyDetector
from models.anomalies.reading import Readings
from models.card import ModelCard, TrainedOn
from patchbay.core.ids import new_id
from patchbay.core.storage import Storage
from pipelines.conditions import CATCH_UP_MINUTES, CLOSED_AFTER, PAUSE_MINUTES
from pipelines.defs.learn import detecting, keeping
from pipelines.defs.learn.publishing import as_set
from pipelines.defs.live import counting, memory, samples
from pipelines.defs.live.memory import Memory, Tick
from pipelines.resources.insights import InsightsRoom
from warehouse.snapshots import pointer_file, read_pointer

UPWARDS = tuple(place for place, name in enumerate(COMPONENTS) if name in ("surge", "range"))
REFUSED = (400, 422)
KEPT = timedelta(hours=48)
"""How long an anomaly that is over stays among the live ones; the nightly learning has it then."""
LIMITS = "Complete minutes only; what comes later than half a minute is not scored."


@dataclass(frozen=True, slots=True)
class Ticked:
    """A tick that was answered: its id, the answers (two when the one before had to be sent again), and counts."""

    id: str
    answers: tuple[dict[str, Any], ...]
    samples: int
    minutes: int
    open: int


@dataclass(frozen=True, eq=False, slots=True)
class _Look:
    """The counters of a look, and which minutes of it: complete from `start` on before `closed`, the open ones after."""

    frame: pl.DataFrame
    start: int
    closed: int
    now: int

    @property
    def minutes(self) -> int:
        """How many complete minutes are new."""
        return max(self.closed - self.start, 0)


def tick(room: InsightsRoom, now: datetime, acknowledged: str | None) -> Ticked:
    """Look once and tell the rules; `acknowledged` is the id of the last tick whose answer was taken note of.

    A tick that was written down and not answered is sent again as it was, first. Raises what the client raises.
    """
    remembered = memory.load(room.storage)
    answers = []
    if remembered.tick is not None and remembered.tick["id"] != acknowledged:
        answers += _send_again(room, remembered.tick)
    _renew(room.storage, remembered)
    look = _look(room, remembered, now)
    _score(remembered, look)
    upwards = _upwards(remembered, look)
    releases = _releases(remembered, look)
    _trace(remembered, look, releases)
    _publish(room, remembered, releases, now)
    told = list(_samples(room, remembered, upwards, releases, now))
    remembered.tick = {"id": str(new_id()), "at": now.isoformat(), "samples": told}
    memory.save(room.storage, remembered)
    answers.append(_send(room, remembered.tick))
    return Ticked(remembered.tick["id"], tuple(answers), len(told), look.minutes, len(remembered.seen.episodes.open))


def _send(room: InsightsRoom, told: Tick) -> dict[str, Any]:
    return room.client.tick(told["id"], told["at"], told["samples"])


def _send_again(room: InsightsRoom, told: Tick) -> list[dict[str, Any]]:
    """The answer to a tick that may have been sent before; none when the registry refuses it, as it then always will."""
    from patchbay.core.client import ApiError

    try:
        return [_send(room, told)]
    except ApiError as error:
        if error.status in REFUSED:
            return []
        raise


def _renew(storage: Storage, remembered: Memory) -> None:
    """Go on from newly learnt detectors when there are any; the counters since then are read again."""
    found = keeping.champion(storage, "detectors")
    if found is None or found.version == remembered.version:
        return
    document = detecting.restore(keeping.served(storage, "detectors").model)
    seen = detecting.from_document(document)
    del seen.found[: len(seen.found)]
    remembered.version, remembered.seen, remembered.last = found.version, seen, {}


def _look(room: InsightsRoom, remembered: Memory, now: datetime) -> _Look:
    """Counters since the last complete minute; after a pause from the first minute in which anything came."""
    current = int(now.timestamp()) // 60
    closed = int(now.timestamp() - CLOSED_AFTER) // 60
    stands = remembered.seen.detector.state.minute
    start = closed - 1 if stands is None else stands + 1
    has_paused = closed - start > PAUSE_MINUTES
    frame = counting.read(room.client, max(start, closed - CATCH_UP_MINUTES) if has_paused else start)
    # A sender's clock may be ahead; what it sent is counted when its minute has come.
    frame = frame.filter(pl.col("minute") <= current)
    if has_paused:
        first = frame["minute"].min()
        # The first minute began before anybody sent, so it is no whole one.
        start = min(int(first) + 1, closed) if isinstance(first, int) else closed
    return _Look(frame, start, closed, current)


def _score(remembered: Memory, look: _Look) -> None:
    """Take the complete minutes in."""
    if look.minutes == 0:
        return
    seen = remembered.seen
    counts = counting.counts(look.frame, seen.keys, look.start, look.minutes)
    errors = counting.counts(look.frame, seen.keys, look.start, look.minutes, "errors")
    blocks = list(seen.detector.run(counts, look.start))
    detecting.follow(seen, iter(blocks))
    remembered.last = {
        "minute": look.closed - 1,
        "scores": _signed(blocks[-1], seen.detector.config.threshold),
        "uses": counts[-1].tolist(),
        "errors": errors[-1].tolist(),
    }


def _signed(readings: Readings, threshold: float) -> list[float]:
    """The last minute's scores from -1 to 1; below the expected band is negative."""
    signs = np.where(np.isin(readings.component[-1], UPWARDS), 1.0, -1.0)
    return [
        float(sign) * samples.score_of(float(score), threshold)
        for sign, score in zip(signs, readings.score[-1], strict=True)
    ]


def _upwards(remembered: Memory, look: _Look) -> list[float]:
    """Scores with what has come of the open minutes, which can only raise them: a minute half over is no drop."""
    closed = remembered.last.get("scores", [0.0] * len(remembered.seen.keys))
    detector = remembered.seen.detector
    start = max(look.start, look.closed)
    if look.now < start or not closed:
        return list(closed)
    ahead = ManyDetector(len(closed), detector.config, detector.settled())
    counts = counting.counts(look.frame, remembered.seen.keys, start, look.now - start + 1)
    best = np.array(closed)
    for readings in ahead.run(counts, start):
        for place in range(len(readings.count)):
            raised = np.where(np.isin(readings.component[place], UPWARDS), readings.score[place], 0.0)
            best = np.maximum(best, [samples.score_of(float(one), detector.config.threshold) for one in raised])
    falls = (np.array(closed) < 0) & (best <= 0)
    return [float(one) for one in np.where(falls, closed, best)]


def _releases(remembered: Memory, look: _Look) -> pl.DataFrame:
    """Releases with all that has come, complete minutes or not; only complete ones are remembered."""
    seen, frame = remembered.seen, look.frame
    complete = frame.filter(pl.col("minute").is_between(look.start, look.closed, closed="left"))
    going = frame.filter(pl.col("minute") >= max(look.start, look.closed))
    remembered.seen = detecting.with_releases(seen, counting.added(seen.releases, counting.by_release(complete)))
    return counting.added(remembered.seen.releases, counting.by_release(going))


def _trace(remembered: Memory, look: _Look, releases: pl.DataFrame) -> None:
    """Remember whose batch came last, for what is watched: an alarm may come when the next minute has not begun."""
    names = {counting.name_of(key) for key in remembered.seen.keys} | set(releases["release"])
    newest = remembered.traces | counting.traces(look.frame)
    remembered.traces = {name: trace for name, trace in newest.items() if name in names}


def _publish(room: InsightsRoom, remembered: Memory, releases: pl.DataFrame, now: datetime) -> None:
    """Publish the live anomalies when one began, ended or became much stranger."""
    seen = remembered.seen
    seen.found[:] = [one for one in seen.found if one[0].open or counting.moment(one[0].until) > now - KEPT]
    recent = releases.filter(pl.col("last") > now - KEPT)
    rows = pl.concat([detecting.rows(seen.found, seen.operator), detecting.release_rows(recent, releases)])
    rounded = rows.select("anomaly_id", "ended_at", pl.col("score").round(0)).sort("anomaly_id")
    name = hashlib.sha256(rounded.write_csv().encode()).hexdigest()[:16]
    if name == remembered.published or (remembered.published is None and rows.is_empty()):
        return
    room.client.publish_set(
        "live_anomalies",
        as_set("live_anomalies", rows.sort("started_at", "anomaly_id")),
        model="detectors",
        model_version=remembered.version or "none",
        data_until=now.isoformat(),
        card=keeping.facts(_card(remembered, now)),
    )
    remembered.published = name


def _card(remembered: Memory, now: datetime) -> ModelCard:
    seen = TrainedOn(len(remembered.seen.keys), None, now)
    return ModelCard("detectors", remembered.version or "none", {}, "", seen, {}, detecting.PROTOCOL, LIMITS)


def _samples(
    room: InsightsRoom,
    remembered: Memory,
    scores: list[float],
    releases: pl.DataFrame,
    now: datetime,
) -> Iterator[samples.Sample]:
    seen = remembered.seen
    if remembered.last:
        wanted = detecting.ready(seen.detector).tolist()
        yield from samples.of_series(seen.keys, remembered.last, scores, remembered.traces, wanted)
    yield from samples.of_releases(releases, remembered.traces, now)
    remembered.risk = _risk(room, remembered.risk)
    yield from samples.of_risk(remembered.risk)
    yield samples.of_data(_published_at(room), now)


def _risk(room: InsightsRoom, known: dict[str, Any]) -> dict[str, Any]:
    """Scores of the risk set in force, read again only when it is another one."""
    active = room.client.active_set("risk")
    if active is None or active["id"] == known.get("set"):
        return known if active else {}
    scores = {row["plugin_id"]: row["score"] for row in room.client.risks()}
    return {"set": active["id"], "at": active["activated_at"], "scores": scores}


def _published_at(room: InsightsRoom) -> datetime | None:
    try:
        return read_pointer(pointer_file(room.published)).published_at
    except FileNotFoundError:
        return None
