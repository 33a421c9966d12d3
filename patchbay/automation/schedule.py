"""Which occurrences of a schedule are due, after however long nobody looked."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache

from patchbay.automation.cron import Cron, parse_cron
from patchbay.automation.digests import digest
from patchbay.automation.triggers import ScheduleTrigger

ON_TIME = timedelta(minutes=2)
"""How late an occurrence may be seen without counting as missed: a few ticks."""
MOST_MISSED = 100
"""How many missed occurrences `misfire: all` runs at most, the newest ones: after a month nobody wants 43,200 runs."""


@dataclass(frozen=True, slots=True)
class Due:
    """Occurrences to run now, and those that passed unseen and will not be run."""

    run: tuple[datetime, ...] = ()
    missed: tuple[datetime, ...] = ()


def due(rule: str, trigger: ScheduleTrigger, last: datetime | None, now: datetime) -> tuple[Due, datetime]:
    """What is due after the last look, and the time of this look, to be passed next time.

    The first look finds nothing: a new rule does not run for times before it existed. Where the clock went back,
    nothing is due twice; where it went back by more than a few ticks, looking starts anew from now.
    """
    if last is None or trigger.suspend or last - now > ON_TIME:
        return Due(), now
    if now <= last:
        return Due(), last
    passed = _passed(rule, trigger, last, now)
    on_time = [(at, seen) for at, seen in passed if now - seen <= ON_TIME]
    late = [(at, seen) for at, seen in passed if now - seen > ON_TIME]
    run = _kept(trigger, late, bool(on_time)) + on_time
    kept = {at for at, _ in run}
    return Due(tuple(at for at, _ in run), tuple(at for at, _ in late if at not in kept)), now


def delay(rule: str, occurrence: datetime, jitter: timedelta) -> timedelta:
    """How long this rule waits at this occurrence: the same each time it is asked, spread evenly over the jitter."""
    return jitter * (int(digest([rule, occurrence.isoformat()], 8), 16) / 0x100000000)


def _passed(rule: str, trigger: ScheduleTrigger, last: datetime, now: datetime) -> list[tuple[datetime, datetime]]:
    cron = _cron(trigger.schedule, trigger.timezone)
    occurrences = cron.after(last - trigger.jitter, until=now)
    starts = ((at, at + delay(rule, at, trigger.jitter)) for at in occurrences)
    return [(at, start) for at, start in starts if last < start <= now]


def _kept(
    trigger: ScheduleTrigger, late: list[tuple[datetime, datetime]], on_time: bool
) -> list[tuple[datetime, datetime]]:
    if trigger.misfire == "all":
        return late[-MOST_MISSED:]
    if trigger.misfire == "once" and not on_time:
        return late[-1:]
    return []


@lru_cache(maxsize=1024)
def _cron(expression: str, zone: str) -> Cron:
    return parse_cron(expression, zone)
