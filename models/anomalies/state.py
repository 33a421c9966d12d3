"""What a detector remembers, for any number of series at once: arrays whose last axis is the series."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from models.anomalies.evidence import COMPONENTS, RUNNING
from models.anomalies.seasonal import WEEK, Floats

_SHAPES: dict[str, tuple[int, ...]] = {
    "week_events": (WEEK,),
    "week_hours": (WEEK,),
    "level_events": (),
    "level_expected": (),
    "noise_excess": (),
    "noise_square": (),
    "tail_hours": (len(COMPONENTS),),
    "tail_peaks": (len(COMPONENTS),),
    "tail_excess": (len(COMPONENTS),),
    "highest": (),
    "hours": (),
    "held": (),
    "evidence": (RUNNING,),
    "onset": (RUNNING,),
    "since_events": (RUNNING,),
    "since_expected": (RUNNING,),
    "seen": (),
    "suspicious": (),
    "learnt": (),
    "learnt_events": (),
    "learnt_season": (),
    "learnt_excess": (),
    "learnt_square": (),
    "peaks": (len(COMPONENTS),),
    "peak_count": (),
}


@dataclass(slots=True)
class State:
    """S series. The names of the hour that is still open start at `seen`; `hour` is its number since the epoch.

    `hour` is None before the first minute; `minute` is the last one taken in. `evidence` has gathered since the minute
    `onset`, over events and expected events of `since_events` and `since_expected`. Floats throughout, so that what is
    written as JSON comes back exactly.
    """

    hour: int | None
    minute: int | None
    week_events: Floats
    week_hours: Floats
    level_events: Floats
    level_expected: Floats
    noise_excess: Floats
    noise_square: Floats
    tail_hours: Floats
    tail_peaks: Floats
    tail_excess: Floats
    highest: Floats
    hours: Floats
    held: Floats
    evidence: Floats
    onset: Floats
    since_events: Floats
    since_expected: Floats
    seen: Floats
    suspicious: Floats
    learnt: Floats
    learnt_events: Floats
    learnt_season: Floats
    learnt_excess: Floats
    learnt_square: Floats
    peaks: Floats
    peak_count: Floats

    @classmethod
    def empty(cls, series: int) -> Self:
        """Nothing seen yet."""
        return cls(None, None, **{name: np.zeros((*shape, series)) for name, shape in _SHAPES.items()})

    @classmethod
    def join(cls, states: Sequence[Self]) -> Self:
        """All series side by side. Raises ValueError when they do not stand at the same minute or have not begun."""
        times = {(state.hour, state.minute) for state in states if state.minute is not None}
        if len(times) > 1:
            raise ValueError(f"the series stand at different minutes: {sorted(minute for _, minute in times)}")
        hour, minute = times.pop() if times else (None, None)
        arrays = {name: np.concatenate([getattr(state, name) for state in states], axis=-1) for name in _SHAPES}
        return cls(hour, minute, **arrays)

    @property
    def series(self) -> int:
        """How many there are."""
        return len(self.hours)

    def take(self, places: Sequence[int] | NDArray[np.int64] | NDArray[np.bool_]) -> Self:
        """A copy of some of the series, in the given order."""
        arrays = {name: getattr(self, name)[..., np.asarray(places)].copy() for name in _SHAPES}
        return type(self)(self.hour, self.minute, **arrays)

    def copy(self) -> Self:
        """An independent copy."""
        arrays = {name: getattr(self, name).copy() for name in _SHAPES}
        return type(self)(self.hour, self.minute, **arrays)

    def to_document(self) -> dict[str, Any]:
        """Plain JSON values."""
        arrays = {name: getattr(self, name).tolist() for name in _SHAPES}
        return {"hour": self.hour, "minute": self.minute, **arrays}

    @classmethod
    def from_document(cls, document: dict[str, Any]) -> Self:
        """The very state that was written. Raises ValueError for other names or shapes, such as an older layout's."""
        names = {field.name for field in fields(cls)}
        if set(document) != names:
            raise ValueError(f"not a state of this layout; differing names: {sorted(set(document) ^ names)}")
        arrays = {name: np.array(document[name], dtype=np.float64) for name in _SHAPES}
        series = {array.shape[-1] for array in arrays.values()}
        if len(series) != 1 or any(arrays[name].shape[:-1] != shape for name, shape in _SHAPES.items()):
            raise ValueError("not a state of this layout: the arrays' shapes differ")
        return cls(document["hour"], document["minute"], **arrays)
