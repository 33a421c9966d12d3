"""Planning what to plant: surges, outages and misuse get a day, a place and a strength to hold a detector to."""

from collections.abc import Callable, Iterator

import numpy as np

from patchbay.world.adoption import OPEN
from patchbay.world.rates import weekday
from patchbay.world.rhythm import BIN_MINUTES, OFFICE, profile_of, rhythm
from patchbay.world.society import Society
from patchbay.world.tenants import PRODUCTION, ZONES
from patchbay.world.times import DAY, HOUR, MINUTE, Ints
from patchbay.world.truths import Truth

LEAST_SURGE_PER_MINUTE = 22.0
FIRST_SHARE, LAST_SHARE = 0.30, 0.97
"""Surges, outages and misuse fall into this part of the window, so that detectors have days to learn from before."""


def plan_truths(society: Society) -> tuple[Truth, ...]:
    """All truths of a world in order of time: ten surges, four outages, two misuses, two releases in ninety days."""
    days = society.config.days
    plans: list[tuple[str, Callable[[Society, np.random.Generator, str, int, int], Truth]]] = [
        *(("surge", _surge) for _ in range(max(1, days // 9))),
        *(("outage", _outage) for _ in range(max(1, days // 22))),
        *(("misuse", _misuse) for _ in range(max(1, days // 45))),
    ]
    order = society.config.rng("truth-order").permutation(len(plans))
    numbers: dict[str, int] = {}
    found = [*_release_truths(society)]
    for place, day in zip(order.tolist(), _days(days, len(plans)), strict=True):
        kind, plan = plans[place]
        numbers[kind] = numbers.get(kind, 0) + 1
        rng = society.config.rng("truth", place)
        found.append(plan(society, rng, f"{kind}-{numbers[kind]}", numbers[kind] - 1, day))
    return tuple(sorted(found, key=lambda truth: (truth.starts_at, truth.id)))


def _days(days: int, count: int) -> Iterator[int]:
    """Days of the window, evenly spread; the same day twice only when there are more truths than days."""
    for place in np.linspace(FIRST_SHARE, LAST_SHARE, count):
        yield int(place * (days - 1))


def _surge(society: Society, rng: np.random.Generator, name: str, number: int, day: int) -> Truth:
    """By turns all of a large tenant's production, or one plugin on it, is used far more than usual."""
    whole = number % 2 == 0
    tenant = number // 2 % min(3 if whole else 6, len(society.tenants))
    start = _busy_minute(society, rng, tenant, day, share=0.6)
    stop = start + int(rng.integers(35, 91)) * MINUTE
    rows = _spans(society, start, stop, tenant, environment=PRODUCTION)
    plugin = None if whole else _favourite(society, rng, rows)
    usual = society.rates.uses_per_minute(rows if plugin is None else rows[society.plugin[rows] == plugin], start)
    tenant_usual = society.rates.uses_per_minute(_spans(society, start, stop, tenant), start)
    added = round(max(LEAST_SURGE_PER_MINUTE, 1.5 * tenant_usual) * float(rng.uniform(1.0, 1.4)), 1)
    expected = {
        "added_uses_per_minute": added,
        "usual_uses_per_minute": round(usual, 4),
        "tenant_usual_uses_per_minute": round(tenant_usual, 4),
        "tenant_factor": round(1.0 + added / max(tenant_usual, 0.01), 1),
    }
    return Truth(name, "surge", start, stop, tenant=tenant, plugin=plugin, expected=expected)


def _outage(society: Society, rng: np.random.Generator, name: str, number: int, day: int) -> Truth:
    """Everything of a large tenant stops during its busiest hours; each fourth time one plugin stops everywhere."""
    everywhere = number % 4 == 3
    tenant = 1 if number % 3 == 0 and not everywhere else 0
    start = _busy_minute(society, rng, tenant, day, share=0.25)
    stop = start + int(rng.integers(60, 151)) * MINUTE
    rows = _spans(society, start, stop, None if everywhere else tenant)
    plugin = _favourite(society, rng, rows, among=1) if everywhere else None
    affected = rows if plugin is None else rows[society.plugin[rows] == plugin]
    usual = society.rates.uses_per_minute(affected, start)
    expected = {"uses_per_minute": 0, "usual_uses_per_minute": round(usual, 4)}
    return Truth(name, "outage", start, stop, None if everywhere else tenant, plugin, expected=expected)


def _misuse(society: Society, rng: np.random.Generator, name: str, number: int, day: int) -> Truth:
    """A developer who only ever worked on dev is active at night on every target of the tenant, production included."""
    tenant = number % len(society.tenants)
    person = int(np.flatnonzero(society.persons.tenant == tenant)[1])
    night = int(rng.uniform(1.0, 2.5) * HOUR) - ZONES[int(society.tenants.zone[tenant])] * MINUTE
    start = society.config.start_us + day * DAY + night % DAY
    stop = min(start + int(rng.integers(80, 140)) * MINUTE, society.config.end_us)
    targets = tuple(society.targets.of(tenant).tolist())
    expected = {
        "uses_per_minute": round(float(rng.uniform(4.0, 7.0)), 1),
        "targets": len(targets),
        "usual_environments": ["dev"],
        "local_hours": [1, 5],
    }
    return Truth(
        name, "credential_misuse", start, stop, tenant=tenant, person=person, targets=targets, expected=expected
    )


def _release_truths(society: Society) -> Iterator[Truth]:
    """The release that fails often until the next one mends it, and the one that leaks memory until the end."""
    faults, releases, installs = society.faults, society.releases, society.installs
    bad = releases.find(faults.bad_plugin, faults.bad_at)
    before = int(releases.latest_stable(np.array([faults.bad_plugin]), np.array([faults.bad_at - 1]))[0])
    rows = np.flatnonzero(installs.release == bad)
    back = _followed_by(society, rows, before)
    expected = {
        "error_rate": float(releases.error_rate[bad]),
        "usual_error_rate": round(float(releases.error_rate[before]), 4),
        "installations": len(rows),
        "rolled_back": back,
        "removed": int(installs.closes[rows].sum()),
        "previous_version": releases.version[before],
    }
    yield Truth(
        "bad-release-1",
        "bad_release",
        faults.bad_at,
        faults.fix_at,
        plugin=faults.bad_plugin,
        release=bad,
        expected=expected,
    )
    leaky = releases.find(faults.leaky_plugin, faults.leaky_at)
    growth = {
        "memory_growth_per_day": float(releases.leak[leaky]),
        "installations": int((installs.release == leaky).sum()),
    }
    end = society.config.end_us
    yield Truth(
        "leaky-release-1",
        "leaky_release",
        faults.leaky_at,
        end,
        plugin=faults.leaky_plugin,
        release=leaky,
        expected=growth,
    )


def _followed_by(society: Society, rows: Ints, release: int) -> int:
    """How many of the spans are followed by the given release within the same stay."""
    installs = society.installs
    after = rows[rows + 1 < len(installs)] + 1
    return int(((installs.release[after] == release) & ~installs.opens[after]).sum())


def _busy_minute(society: Society, rng: np.random.Generator, tenant: int, day: int, *, share: float) -> int:
    """A five-minute mark among the tenant's busiest `share` of a weekday's marks, early enough to end that day."""
    profile = profile_of(society.tenants.zone[tenant : tenant + 1], np.array([OFFICE]))
    start = society.config.start_us
    while rhythm().day_factor(profile, weekday(start, day))[0] < 0.8 and day > 0:
        day -= 1
    marks = np.arange(0, 21 * 60, BIN_MINUTES)
    strength = np.array([rhythm().per_minute(profile, weekday(start, day), int(mark))[0] for mark in marks])
    busiest = np.argsort(-strength, kind="stable")[: int(len(marks) * share)]
    return start + day * DAY + int(marks[rng.choice(busiest)]) * MINUTE


def _spans(society: Society, start: int, stop: int, tenant: int | None, *, environment: int | None = None) -> Ints:
    """Installation spans that run from start to stop, of a tenant and an environment or of all."""
    fits = (society.installs.start <= start) & (society.installs.stop >= min(stop, OPEN))
    if tenant is not None:
        fits &= society.tenant == tenant
    if environment is not None:
        fits &= society.targets.environment[society.target] == environment
    return np.flatnonzero(fits)


def _favourite(society: Society, rng: np.random.Generator, rows: Ints, *, among: int = 5) -> int:
    """One of the most used plugins of the spans, never one whose release is planted as faulty."""
    total = np.bincount(society.plugin[rows], society.rates.uses[rows], minlength=len(society.catalogue))
    total[[society.faults.bad_plugin, society.faults.leaky_plugin]] = 0.0
    ranked = np.argsort(-total, kind="stable")[:among]
    usable = ranked[total[ranked] > 0]
    if not len(usable):
        raise ValueError("no installed plugin to plant on; give the world more plugins or days")
    return int(rng.choice(usable))
