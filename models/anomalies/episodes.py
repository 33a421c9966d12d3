"""From alarms to anomalies: one episode while alarms keep coming, and one incident for all that happened together."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal, Self

from models.anomalies.evidence import COMPONENTS
from models.anomalies.reading import Reading, Readings
from models.anomalies.seasonal import Floats
from models.anomalies.series import SeriesKey

Direction = Literal["more", "less"]
_DIRECTIONS: Mapping[str, Direction] = {"surge": "more", "range": "more", "drop": "less", "silence": "less"}


@dataclass(frozen=True, slots=True)
class Anomaly:
    """An episode of one series; times are minutes since the epoch, and all minutes named belong to it.

    It began at `since`, was seen at `detected` (alarm at that minute's end), and alarmed last at `until`; `score`,
    `observed`, `expected` and the band `low` to `high` are those of its most surprising stretch.
    """

    key: SeriesKey
    direction: Direction
    component: str
    since: int
    detected: int
    until: int
    score: float
    observed: float
    expected: float
    low: float
    high: float
    open: bool = True


@dataclass(frozen=True, slots=True)
class Changes:
    """What a block of readings changed: episodes that opened, went on, and ended."""

    opened: tuple[Anomaly, ...]
    updated: tuple[Anomaly, ...]
    closed: tuple[Anomaly, ...]


class Episodes:
    """Follows the alarms of S series. An episode ends when `hold_off` minutes have passed without one.

    What was opened is told once, however often the alarm comes again.
    """

    def __init__(self, threshold: float, hold_off: int = 60, opened: Iterable[Anomaly] = ()) -> None:
        self.threshold, self.hold_off = threshold, hold_off
        self._open = {anomaly.key: anomaly for anomaly in opened}

    @property
    def open(self) -> tuple[Anomaly, ...]:
        """The episodes that have not ended."""
        return tuple(self._open.values())

    def take(self, readings: Readings, keys: Sequence[SeriesKey]) -> Changes:
        """Follow a block of readings, `keys` naming its series."""
        opened: dict[tuple[SeriesKey, int], Anomaly] = {}
        touched, closed = set[SeriesKey](), list[Anomaly]()
        for reading in readings.alarms(self.threshold):
            key = keys[reading.series]
            closed += self._expire(reading.minute, [key])
            if key in self._open:
                self._open[key] = _extended(self._open[key], reading)
                touched.add(key)
            else:
                self._open[key] = _begun(key, reading)
                opened[key, reading.minute] = self._open[key]
        closed += self._expire(readings.start + len(readings.count) - 1, list(self._open))
        new = {(anomaly.key, anomaly.detected): anomaly for anomaly in (*self._open.values(), *closed)}
        fresh = tuple(replace(new[place], open=True) for place in opened)
        updated = [self._open[key] for key in touched if key in self._open]
        return Changes(fresh, tuple(a for a in updated if (a.key, a.detected) not in opened), tuple(closed))

    def _expire(self, minute: int, keys: Sequence[SeriesKey]) -> list[Anomaly]:
        over = [key for key in keys if key in self._open and minute - self._open[key].until > self.hold_off]
        return [replace(self._open.pop(key), open=False) for key in over]

    def to_document(self) -> dict[str, Any]:
        """Plain JSON values: the settings and what is open."""
        opened = [asdict(anomaly) for anomaly in self._open.values()]
        return {"threshold": self.threshold, "hold_off": self.hold_off, "open": opened}

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Self:
        """Go on exactly where the document was written."""
        opened = [Anomaly(**{**each, "key": SeriesKey(**each["key"])}) for each in document["open"]]
        return cls(document["threshold"], document["hold_off"], opened)


def _begun(key: SeriesKey, reading: Reading) -> Anomaly:
    component = COMPONENTS[reading.component]
    return Anomaly(
        key,
        _DIRECTIONS[component],
        component,
        reading.onset,
        reading.minute,
        reading.minute,
        reading.score,
        reading.observed,
        reading.expected,
        reading.low,
        reading.high,
    )


def _extended(anomaly: Anomaly, reading: Reading) -> Anomaly:
    """Later until; the numbers of the more surprising stretch. Direction and component stay those it was opened with."""
    later = replace(anomaly, until=reading.minute)
    if reading.score <= anomaly.score or _DIRECTIONS[COMPONENTS[reading.component]] != anomaly.direction:
        return later
    return replace(
        later,
        score=reading.score,
        observed=reading.observed,
        expected=reading.expected,
        low=reading.low,
        high=reading.high,
    )


def incidents(anomalies: Iterable[Anomaly]) -> list[tuple[Anomaly, ...]]:
    """Anomalies of one direction that overlap in time and may count the same events; the first to be seen leads.

    So a tenant's outage is one incident, not one for each of its plugins. The order is that of detection.
    """
    groups: list[list[Anomaly]] = []
    for anomaly in sorted(anomalies, key=lambda each: (each.detected, -each.score)):
        group = next((group for group in groups if any(_belongs(anomaly, part) for part in _binding(group))), None)
        if group is None:
            groups.append([anomaly])
        else:
            group.append(anomaly)
    return [tuple(group) for group in groups]


def _binding(group: list[Anomaly]) -> Iterable[Anomaly]:
    """The lead and all parts but the whole: two things that happen at once are not one because the total shows both."""
    return (part for part in group if part is group[0] or part.key != SeriesKey())


def _belongs(anomaly: Anomaly, lead: Anomaly) -> bool:
    overlap = anomaly.since <= lead.until and lead.since <= anomaly.until
    return overlap and anomaly.direction == lead.direction and lead.key.touches(anomaly.key)


@dataclass(frozen=True, slots=True)
class Contribution:
    """How many events more (or fewer) than expected a part gave, and its share of the whole's difference."""

    key: SeriesKey
    difference: float
    share: float


def contributors(
    key: SeriesKey, keys: Sequence[SeriesKey], observed: Floats, expected: Floats, *, most: int = 5
) -> list[Contribution]:
    """The parts of `key` that differ most in its own direction, over the sums (S,) of one stretch of time.

    Only the next finer series count, pairs for a tenant or a plugin, tenants for the whole; none for a pair. Raises
    ValueError when `key` is not among the keys.
    """
    whole = float((observed - expected)[list(keys).index(key)])
    parts = [place for place, other in enumerate(keys) if key.covers(other) and _fineness(other) == _fineness(key) + 1]
    if key == SeriesKey():
        parts = [place for place in parts if keys[place].plugin is None]
    found = [Contribution(keys[place], float(observed[place] - expected[place]), 0.0) for place in parts]
    same = [each for each in found if each.difference * whole > 0]
    ranked = sorted(same, key=lambda each: -abs(each.difference))[:most]
    return [replace(each, share=each.difference / whole) for each in ranked]


def _fineness(key: SeriesKey) -> int:
    return (key.tenant is not None) + (key.plugin is not None)
