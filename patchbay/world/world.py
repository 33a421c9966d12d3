"""A world: built once from its config, it gives the events of any day or stretch of time, always the same ones."""

from dataclasses import dataclass

import numpy as np

from patchbay.world.config import WorldConfig
from patchbay.world.discovery import Interest, build_interest, discovery_of_day
from patchbay.world.effects import added_on, without_outages
from patchbay.world.events import Events, concat
from patchbay.world.planting import plan_truths
from patchbay.world.society import Society, build_society
from patchbay.world.times import DAY
from patchbay.world.truths import Names, Truth
from patchbay.world.usage import changes_of_day, feedback_of_day, samples_of_day, uses_of_day


@dataclass(frozen=True, slots=True)
class World:
    """The settled parts, what people look at, and the planted truths."""

    society: Society
    interest: Interest
    truths: tuple[Truth, ...]

    @property
    def config(self) -> WorldConfig:
        """What the world was made from."""
        return self.society.config

    @property
    def names(self) -> Names:
        """How tenants, plugins, releases, targets and persons are called."""
        parts = self.society
        return Names(
            parts.tenants.slugs, parts.catalogue.refs, parts.releases.version, parts.targets.name, parts.persons.name
        )

    def events_of_day(self, day: int) -> Events:
        """All events of one day of the window (0 is its first), ordered by tenant, then time, and numbered.

        A pure function of config and day: any day can be asked for at any time. Raises IndexError outside the window.
        """
        if not 0 <= day < self.config.days:
            raise IndexError(f"day {day} is outside the window of {self.config.days} days")
        parts = [
            uses_of_day(self.society, day),
            samples_of_day(self.society, day),
            discovery_of_day(self.society, self.interest, day),
            feedback_of_day(self.society, day),
            changes_of_day(self.society, day),
            added_on(self.society, self.truths, day),
        ]
        events = without_outages(self.truths, concat(parts))
        return _ordered(events, self.config.start_us + day * DAY, day)

    def events_between(self, since: int, until: int) -> Events:
        """Events of `[since, until)` (microseconds), numbered as in their days; empty outside the window."""
        first = max(0, (since - self.config.start_us) // DAY)
        last = min(self.config.days - 1, (until - 1 - self.config.start_us) // DAY)
        events = concat([self.events_of_day(day) for day in range(first, last + 1)])
        return events.take((events["at"] >= since) & (events["at"] < until))


def build_world(config: WorldConfig) -> World:
    """Build the world of a config; about a second for the default one."""
    society = build_society(config)
    return World(society, build_interest(society), plan_truths(society))


def _ordered(events: Events, since: int, day: int) -> Events:
    """By tenant, then time; the number holds the day in its upper part, so it is unique in the world."""
    key = events["tenant"].astype(np.int64) * DAY + (events["at"] - since)
    ordered = events.take(np.argsort(key, kind="stable"))
    return ordered.numbered(day * 100_000_000 + np.arange(len(ordered)))
