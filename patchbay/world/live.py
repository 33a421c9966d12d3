"""The world going on after its window: usage at its own rates, a planted surge, and a release that fails.

Nothing here has an effect: who sends what is in `patchbay.world.sending`. Any moment is laid on the last week of the
world's window, at the same weekday and time of day, so that the seasons go on as detectors have learnt them.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

import numpy as np

from patchbay.world.adoption import OPEN
from patchbay.world.catalogue import OPERATOR
from patchbay.world.events import Events, concat
from patchbay.world.rates import weekday
from patchbay.world.releases import Releases
from patchbay.world.rhythm import rhythm
from patchbay.world.society import Society
from patchbay.world.times import DAY, MINUTE, SECOND, Flags, Floats, Ints
from patchbay.world.truths import Truth
from patchbay.world.usage import describe_uses

WEEK = 7 * DAY
SURGE_FACTOR, SURGE_LENGTH = 8.0, 10 * MINUTE
LEAST_ADDED_PER_MINUTE = 60.0
"""A surge adds at least so many uses, as those of the window do: eight times next to nothing would be no surge."""
BAD_ERROR_RATE, BAD_LENGTH = 0.4, 30 * MINUTE
TRIALS_PER_MINUTE = 24.0
"""Uses by which those who installed the new release try it, all of them together."""
ASK_EVERY = 10 * SECOND

Installed = Mapping[int, int]
"""Installation spans that took the bad release, and since when."""


@dataclass(frozen=True, slots=True)
class LivePlan:
    """What is planted; times in microseconds. `surge` and `bad` are indices of plugins, `version` is new with `bad`."""

    surge: int
    surge_at: int
    bad: int
    bad_at: int
    version: str

    @property
    def surge_ends_at(self) -> int:
        """When the plugin is used as usual again."""
        return self.surge_at + SURGE_LENGTH

    @property
    def bad_ends_at(self) -> int:
        """When those who took the bad release go back to what they had."""
        return self.bad_at + BAD_LENGTH


class LiveWorld:
    """A society that lives on. Equal society, plan, stretch and installations give equal events."""

    def __init__(self, society: Society, plan: LivePlan) -> None:
        self.plan = plan
        self.bad_release = len(society.releases)
        self.society = replace(society, releases=_with_bad_release(society.releases, plan))
        self._rows = _present(society)
        self._surged = self._rows[society.plugin[self._rows] == plan.surge]
        self._having = self._rows[society.plugin[self._rows] == plan.bad]
        self._wanting = society.config.rng("live-wanting").permutation(self._having)
        self._usual = float(self._per_minute(self._surged, plan.surge_at).sum())

    @property
    def added_per_minute(self) -> float:
        """Uses that the surge adds."""
        return max(LEAST_ADDED_PER_MINUTE, (SURGE_FACTOR - 1.0) * self._usual)

    @property
    def truths(self) -> tuple[Truth, Truth]:
        """The surge and the release, as they are planned."""
        return self._surge_truth(), self._bad_truth()

    def wanting(self, since: int, until: int) -> list[tuple[int, int]]:
        """Spans whose operator wants to install the bad release in `[since, until)`, and when; every few seconds one."""
        times = self.plan.bad_at + np.arange(len(self._wanting)) * ASK_EVERY
        now = (times >= since) & (times < min(until, self.plan.bad_ends_at))
        return list(zip(self._wanting[now].tolist(), times[now].tolist(), strict=True))

    def events_between(self, since: int, until: int, installed: Installed) -> Events:
        """Uses of `[since, until)`, at most a few minutes, by tenant, then time."""
        rng, plan = self.society.config.rng("live", since), self.plan
        taken = np.full(len(self.society.installs), OPEN)
        taken[list(installed)] = list(installed.values())
        surge = max(since, plan.surge_at), min(until, plan.surge_ends_at)
        trials = max(since, plan.bad_at), min(until, plan.bad_ends_at)
        parts = (
            self._usual_uses(rng, since, until),
            _drawn(rng, self._surged, self.society.rates.uses[self._surged], self.added_per_minute, *surge),
            _since(taken, *_drawn(rng, np.flatnonzero(taken < OPEN), None, TRIALS_PER_MINUTE, *trials)),
        )
        rows, at = (np.concatenate(column) for column in zip(*parts, strict=True))
        return self._described(rng, rows, at, (at >= taken[rows]) & (at < plan.bad_ends_at))

    def _usual_uses(self, rng: np.random.Generator, since: int, until: int) -> tuple[Ints, Ints]:
        """Spans and times of what happens anyway."""
        count = rng.poisson(self._per_minute(self._rows, since) * ((until - since) / MINUTE))
        rows = np.repeat(self._rows, count)
        return rows, rng.integers(since, until, len(rows))

    def _described(self, rng: np.random.Generator, rows: Ints, at: Ints, bad: Flags) -> Events:
        """The uses in order, those of the bad release as its own."""
        society, day = self.society, self.society.config.days - 1
        upgraded = replace(society, release=np.full(len(society.release), self.bad_release))
        kinds = ((society, ~bad), (upgraded, bad))
        events = concat([describe_uses(whose, rng, day, rows[which], at[which]) for whose, which in kinds])
        return events.take(np.lexsort((events["at"], events["tenant"])))

    def _per_minute(self, rows: Ints, at: int) -> Floats:
        """Expected uses of each span in the minute that holds `at`."""
        rates, start = self.society.rates, self.society.config.start_us
        day, rest = divmod(_laid(self.society, at) - start, DAY)
        share = rhythm().per_minute(rates.profile[rows], weekday(start, day), rest // MINUTE)
        return np.asarray(rates.uses[rows] * rates.growth(day, rows) * share)

    def _surge_truth(self) -> Truth:
        plan = self.plan
        expected = {
            "factor": SURGE_FACTOR,
            "usual_uses_per_minute": round(self._usual, 4),
            "added_uses_per_minute": round(self.added_per_minute, 1),
        }
        return Truth("live-surge-1", "surge", plan.surge_at, plan.surge_ends_at, plugin=plan.surge, expected=expected)

    def _bad_truth(self) -> Truth:
        plan, society = self.plan, self.society
        usual = np.average(
            society.releases.error_rate[society.release[self._having]], weights=society.rates.uses[self._having]
        )
        return Truth(
            "live-bad-release-1",
            "bad_release",
            plan.bad_at,
            plan.bad_ends_at,
            plugin=plan.bad,
            release=self.bad_release,
            expected={"error_rate": BAD_ERROR_RATE, "usual_error_rate": round(float(usual), 4)},
        )


def plan_live(
    society: Society, started_at: int, *, surge_after: float, bad_after: float, taken: Collection[str] = ()
) -> LivePlan:
    """The busiest public plugin surges, the next one gets a bad release of a version that is not `taken`.

    `started_at` is in microseconds, `*_after` in seconds from then. Raises ValueError where nobody uses two public plugins.
    """
    surge, bad = busiest(society)
    return LivePlan(
        surge=surge,
        surge_at=started_at + round(surge_after * SECOND),
        bad=bad,
        bad_at=started_at + round(bad_after * SECOND),
        version=_next_version(_newest(society, bad), taken),
    )


def busiest(society: Society) -> tuple[int, int]:
    """The two public plugins that are used most at the end, without those whose releases the window planted as faulty."""
    rows = _present(society)
    total = np.bincount(society.plugin[rows], society.rates.uses[rows], minlength=len(society.catalogue))
    total[society.catalogue.owner != OPERATOR] = 0.0
    total[list(society.faults.plugins)] = 0.0
    first, second = np.argsort(-total, kind="stable")[:2].tolist()
    if not total[second]:
        raise ValueError("nobody uses two public plugins at the end of this world; make it larger")
    return first, second


def _newest(society: Society, plugin: int) -> str:
    """Version of a plugin's newest stable release."""
    stable = society.releases.stable
    return society.releases.version[int(stable[society.releases.plugin[stable] == plugin][-1])]


def _next_version(version: str, taken: Collection[str]) -> str:
    """The next patch of a version that is not taken."""
    head, _, patch = version.rpartition(".")
    number = int(patch) + 1
    while f"{head}.{number}" in taken:
        number += 1
    return f"{head}.{number}"


def _present(society: Society) -> Ints:
    """Spans that still run at the end of the window."""
    return society.installs.running(society.config.end_us - 1, society.config.end_us)


def _laid(society: Society, at: int) -> int:
    """The same weekday and time of day in the last week of the window."""
    since = society.config.end_us - WEEK
    return since + (at - since) % WEEK


def _drawn(
    rng: np.random.Generator, rows: Ints, weights: Floats | None, per_minute: float, since: int, until: int
) -> tuple[Ints, Ints]:
    """Poisson many uses in `[since, until)`, on rows by weight; none where there are no rows or no time."""
    count = int(rng.poisson(per_minute * max(0, until - since) / MINUTE)) if len(rows) else 0
    if not count:
        return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)
    share = None if weights is None else weights / weights.sum()
    return rng.choice(rows, count, p=share), rng.integers(since, until, count)


def _since(taken: Ints, rows: Ints, at: Ints) -> tuple[Ints, Ints]:
    """Those uses that lie after their span has taken the bad release."""
    there = at >= taken[rows]
    return rows[there], at[there]


def _with_bad_release(releases: Releases, plan: LivePlan) -> Releases:
    """One more release at the end: looked up by its index only, so the order by plugin is not missed."""
    before = int(np.flatnonzero(releases.plugin == plan.bad)[-1])
    return replace(
        releases,
        plugin=np.append(releases.plugin, plan.bad),
        at=np.append(releases.at, plan.bad_at),
        version=(*releases.version, plan.version),
        prerelease=np.append(releases.prerelease, False),
        size=np.append(releases.size, releases.size[before]),
        digest=(*releases.digest, releases.digest[before]),
        error_rate=np.append(releases.error_rate, BAD_ERROR_RATE),
        duration_mu=np.append(releases.duration_mu, releases.duration_mu[before]),
        leak=np.append(releases.leak, 0.0),
    )
