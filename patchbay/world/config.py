"""What a world is made from: every number of it follows from these fields and nothing else."""

import hashlib
import json
import zlib
from dataclasses import asdict, dataclass, field
from datetime import date, timedelta
from typing import Any

import numpy as np

from patchbay.world.times import DAY, micros

DEFAULT_PLUGINS, DEFAULT_TENANTS, DEFAULT_DAYS, DEFAULT_EVENTS = 500, 40, 90, 2_000_000
ADOPTION_DAYS, RELEASE_DAYS = 365, 730


@dataclass(frozen=True, slots=True)
class DefectConfig:
    """Faults a sender of good faith commits, so that rejects and duplicates can be shown; zeros turn them off."""

    repeated_in_batch: int = 40
    repeated_across_batches: int = 25
    unknown_plugins: int = 6
    future_times: int = 4
    late_batch: bool = True


NO_DEFECTS = DefectConfig(0, 0, 0, 0, late_batch=False)


@dataclass(frozen=True, slots=True)
class WorldConfig:
    """One world. Equal configs make equal bytes; times are UTC and the usage window is `[end - days, end)`.

    `events` is the number of usage events aimed at; None scales two million with tenants × days × √plugins.
    `adoption_days` is how far back installations reach, `release_days` how far back releases do.
    """

    plugins: int = DEFAULT_PLUGINS
    tenants: int = DEFAULT_TENANTS
    days: int = DEFAULT_DAYS
    seed: int = 7
    end: date = date(2026, 11, 1)
    events: int | None = None
    adoption_days: int = ADOPTION_DAYS
    release_days: int = RELEASE_DAYS
    batch_rows: int = 100_000
    defects: DefectConfig = field(default_factory=DefectConfig)

    def __post_init__(self) -> None:
        """Refuse sizes no world can have, naming the field."""
        least = {"plugins": 10, "tenants": 2, "days": 7, "seed": 0, "batch_rows": 1_000, "adoption_days": self.days}
        for name, limit in least.items():
            if getattr(self, name) < limit:
                raise ValueError(f"{name} must be at least {limit}, not {getattr(self, name)}")
        if self.release_days < self.adoption_days:
            raise ValueError(
                f"release_days must be at least adoption_days ({self.adoption_days}), not {self.release_days}"
            )

    @property
    def event_target(self) -> int:
        """Number of usage events aimed at; what is generated lies within a few percent of it."""
        if self.events is not None:
            return self.events
        share: float = (
            self.tenants / DEFAULT_TENANTS * self.days / DEFAULT_DAYS * (self.plugins / DEFAULT_PLUGINS) ** 0.5
        )
        return max(1_000, round(DEFAULT_EVENTS * share))

    @property
    def start(self) -> date:
        """First day with usage."""
        return self.end - timedelta(days=self.days)

    @property
    def start_us(self) -> int:
        """Start of the usage window, microseconds since the epoch."""
        return micros(self.start)

    @property
    def end_us(self) -> int:
        """End of the usage window (exclusive), microseconds since the epoch."""
        return micros(self.end)

    @property
    def adoption_start_us(self) -> int:
        """When the first tenant may install something, microseconds since the epoch."""
        return self.end_us - self.adoption_days * DAY

    @property
    def release_start_us(self) -> int:
        """When the first plugin may be released, microseconds since the epoch."""
        return self.end_us - self.release_days * DAY

    @property
    def key(self) -> str:
        """Short name of this world, part of every event and batch id: two worlds never share one."""
        content = json.dumps(self.as_json(), sort_keys=True).encode()
        return f"w{self.seed}-{hashlib.sha256(content).hexdigest()[:8]}"

    def as_json(self) -> dict[str, Any]:
        """The config as plain JSON values."""
        return {**asdict(self), "end": self.end.isoformat()}

    def rng(self, part: str, *index: int) -> np.random.Generator:
        """The random stream of one part of the world; another part, or another day, never shifts it."""
        sequence = np.random.SeedSequence(self.seed, spawn_key=(zlib.crc32(part.encode()), *index))
        return np.random.Generator(np.random.SFC64(sequence))
