"""Usage of what is installed: uses, failures, resource samples, feedback and the changes, a day at a time."""

from collections.abc import Callable

import numpy as np

from patchbay.world.events import ERROR, FEEDBACK, INSTALL, RESOURCE, UNINSTALL, UPGRADE, USE, Events, make
from patchbay.world.people import session_of
from patchbay.world.rates import FEEDBACKS, USES, weekday
from patchbay.world.rhythm import rhythm
from patchbay.world.society import Society
from patchbay.world.times import DAY, Flags, Floats, Ints
from patchbay.world.words import ERROR_SHARES

_AUTOMATED = 0.35
_COUNTED = 0.04


def uses_of_day(society: Society, day: int) -> Events:
    """Uses and failed uses of one day; a span that starts or ends that day keeps only what falls within it."""
    rng = society.config.rng("uses", day)
    rows, at = _moments(society, rng, day, lambda rows: society.rates.uses_on(day, rows, society.tenant))
    return describe_uses(society, rng, day, rows, at)


def describe_uses(
    society: Society, rng: np.random.Generator, day: int, rows: Ints, at: Ints, person: int | None = None
) -> Events:
    """Uses at given times of given installation spans; persons are drawn unless one is named."""
    count, target, plugin, release = len(rows), society.target[rows], society.plugin[rows], society.release[rows]
    failed = rng.random(count, dtype=np.float32) < society.releases.error_rate[release]
    duration = _durations(rng, society.releases.duration_mu[release], failed)
    automated = society.targets.continuous[target] & (rng.random(count, dtype=np.float32) < _AUTOMATED)
    who = society.crowd.on_targets(rng, day, target) if person is None else np.full(count, person)
    who = who if person is not None else np.where(automated, -1, who)
    price = society.catalogue.price[plugin]
    return make(
        count,
        tenant=society.tenant[rows],
        at=at,
        type=np.where(failed, ERROR, USE),
        plugin=plugin,
        release=release,
        target=target,
        person=who,
        session=np.where(who >= 0, session_of(at, who, len(society.persons)), -1),
        error=_error_codes(rng, failed),
        duration=duration,
        quantity=_quantities(rng, automated & ~failed),
        cost=np.where(price > 0, price * np.minimum(duration / 240.0, 50.0), -1.0),
    )


def samples_of_day(society: Society, day: int) -> Events:
    """Resource samples spread evenly over the day; memory of a leaking release grows with the days it has run."""
    rng = society.config.rng("samples", day)
    rows, at = _moments(society, rng, day, lambda rows: society.rates.samples[rows], even=True)
    plugin, release = society.plugin[rows], society.release[rows]
    running_days = (at - society.installs.start[rows]) / DAY
    memory = society.catalogue.memory[plugin] * (1.0 + society.releases.leak[release] * running_days)
    return make(
        len(rows),
        tenant=society.tenant[rows],
        at=at,
        type=RESOURCE,
        plugin=plugin,
        release=release,
        target=society.target[rows],
        cpu=np.round(np.clip(rng.lognormal(np.log(6.0), 0.7, len(rows)), 0.1, 100.0), 1),
        memory=memory * rng.lognormal(0.0, 0.06, len(rows)),
    )


def feedback_of_day(society: Society, day: int) -> Events:
    """Scores from 1 to 5 by people who have the plugin; liking raises them, failures lower them."""
    rng = society.config.rng("feedback", day)
    share = FEEDBACKS / USES
    rows, at = _moments(society, rng, day, lambda rows: share * society.rates.uses_on(day, rows, society.tenant))
    target, plugin, release = society.target[rows], society.plugin[rows], society.release[rows]
    opinion = 3.9 + 0.6 * society.affinity.targets[target, plugin] - 6.0 * society.releases.error_rate[release]
    who = society.crowd.on_targets(rng, day, target)
    return make(
        len(rows),
        tenant=society.tenant[rows],
        at=at,
        type=FEEDBACK,
        plugin=plugin,
        release=release,
        target=target,
        person=who,
        session=session_of(at, who, len(society.persons)),
        score=np.clip(np.round(opinion + rng.normal(0.0, 0.8, len(rows))), 1, 5),
    )


def changes_of_day(society: Society, day: int) -> Events:
    """Installs, upgrades and removals of the day, one event per observation, by the tenant's first operator."""
    installs = society.installs
    since = society.config.start_us + day * DAY
    begun = np.flatnonzero((installs.start >= since) & (installs.start < since + DAY))
    ended = np.flatnonzero(installs.closes & (installs.stop >= since) & (installs.stop < since + DAY))
    rows = np.concatenate([begun, ended])
    kinds = np.concatenate([np.where(installs.opens[begun], INSTALL, UPGRADE), np.full(len(ended), UNINSTALL)])
    tenant = society.tenant[rows]
    return make(
        len(rows),
        tenant=tenant,
        at=np.concatenate([installs.start[begun], installs.stop[ended]]),
        type=kinds,
        plugin=society.plugin[rows],
        release=society.release[rows],
        target=society.target[rows],
        person=society.crowd.operators[tenant],
    )


def _moments(
    society: Society, rng: np.random.Generator, day: int, mean: Callable[[Ints], Floats], *, even: bool = False
) -> tuple[Ints, Ints]:
    """Poisson times per span: each gets a whole day's worth and is thinned to when it ran, which is exact."""
    since = society.config.start_us + day * DAY
    running = society.installs.running(since, since + DAY)
    rows = np.repeat(running, rng.poisson(mean(running)))
    if even:
        clock = rng.integers(0, DAY, len(rows))
    else:
        clock = rhythm().draw(rng, society.rates.profile[rows], weekday(society.config.start_us, day))
    at = since + clock
    keep = (at >= society.installs.start[rows]) & (at < society.installs.stop[rows])
    return rows[keep], at[keep]


def _durations(rng: np.random.Generator, mu: Floats, failed: Flags) -> Floats:
    """Log-normal milliseconds, to a tenth; what fails takes half as long again."""
    noise = rng.standard_normal(len(mu), dtype=np.float32)
    return np.asarray(np.round(np.exp(mu + 0.55 * noise + 0.4 * failed), 1))


def _error_codes(rng: np.random.Generator, failed: Flags) -> Ints:
    codes = np.full(len(failed), -1, dtype=np.int64)
    codes[failed] = rng.choice(len(ERROR_SHARES), int(failed.sum()), p=ERROR_SHARES)
    return codes


def _quantities(rng: np.random.Generator, automated: Flags) -> Ints:
    """A few automated uses are reported as one row for two to six of them."""
    quantity = np.full(len(automated), -1, dtype=np.int64)
    rows = np.flatnonzero(automated)
    counted = rows[rng.random(len(rows)) < _COUNTED]
    quantity[counted] = rng.integers(2, 7, len(counted))
    return quantity
