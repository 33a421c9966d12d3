"""Sending a world that goes on: what was used since, the bad release when its time has come, its installs.

`live` does so as time passes, `replay` with a piece of the past at once.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

import numpy as np

from patchbay.core.client import ApiError, ApiUnreachable, BatchResult, Client
from patchbay.core.telemetry import bound, new_trace
from patchbay.world.events import Events
from patchbay.world.live import LiveWorld, busiest, plan_live
from patchbay.world.society import Society
from patchbay.world.stretches import Clock, Stretch, WallClock, passing, past
from patchbay.world.times import MINUTE, SECOND, iso, moment
from patchbay.world.truths import Names, write_truths
from patchbay.world.wire import dictionaries, usage_table

SOURCE = "live"
AWAY = frozenset({502, 503, 504})
"""What a proxy answers while the registry behind it is away."""
ASK_AGAIN = 1.0
"""Seconds until a step is tried again that got no answer."""
PATIENCE = 10 * MINUTE
"""A registry that is away for longer is gone."""
Say = Callable[[str], None]


@dataclass(slots=True)
class Sent:
    """What was sent so far; `refused` installs were of a release that the registry had blocked, first at `refused_at`."""

    steps: int = 0
    events: int = 0
    rejected: int = 0
    installs: int = 0
    refused: int = 0
    refused_at: str | None = None


class Sender:
    """One world that goes on in front of one registry, as a platform administrator."""

    def __init__(self, client: Client, world: LiveWorld, sent: Sent, say: Say) -> None:
        society = world.society
        self.world, self.sent, self.say = world, sent, say
        self.names = Names(
            society.tenants.slugs,
            society.catalogue.refs,
            society.releases.version,
            society.targets.name,
            society.persons.name,
        )
        self._client = client
        self._words = dictionaries(society.config, society)
        self._released = self._returned = False
        self._allowed: dict[int, bool] = {}
        self._installed: dict[int, int] = {}

    def step(self, since: int, until: int) -> None:
        """Send what happened in `[since, until)`, times in microseconds. Raises what the client raises.

        When it raised, whatever has arrived by then, take the same step again: what was asked is not asked again, and
        what is sent again has the ids and the rows it had. Only a step that has arrived as a whole is counted.
        """
        plan = self.world.plan
        if until > plan.bad_at and not self._released:
            self._release()
        for span, at in self.world.wanting(since, until):
            self._install(span, at, until)
        if until > plan.bad_ends_at and not self._returned:
            self._go_back()
        results = self._use(since, self.world.events_between(since, until, self._installed))
        self.sent.events += sum(result.accepted for result in results)
        self.sent.rejected += sum(result.rejected for result in results)
        self.sent.steps += 1

    def _release(self) -> None:
        plan, ref = self.world.plan, self.names.plugins[self.world.plan.bad]
        document = {"version": plan.version, "version_scheme": "semver", "released_at": iso(plan.bad_at)}
        self._client.post(f"/v1/plugins/{ref}/releases", document)
        self._released = True
        rate = self.world.society.releases.error_rate[self.world.bad_release]
        self.say(f"{ref} {plan.version} is out, and {rate:.0%} of its uses fail")

    def _install(self, span: int, at: int, now: int) -> None:
        """Ask before installing, as a careful operator does; what the registry refuses is not installed."""
        if span not in self._allowed:
            self._allowed[span] = self._may_install(span, now)
        if self._allowed[span] and span not in self._installed:
            self._observe(span, self.world.bad_release, at)
            self._installed[span] = at
            self.sent.installs += 1

    def _may_install(self, span: int, now: int) -> bool:
        plan, target = self.world.plan, self.names.targets[self.world.society.target[span]]
        answer = self._acting(span).install_check(target, self.names.plugins[plan.bad], plan.version)
        if answer["allowed"]:
            return True
        if not self.sent.refused:
            self.sent.refused_at = iso(now)
            tenant = self.names.tenants[self.world.society.tenant[span]]
            self.say(f"{tenant} may not install it on {target}: {answer['reason']}")
        self.sent.refused += 1
        return False

    def _go_back(self) -> None:
        """Who took the bad release has what it had before."""
        for span in self._installed:
            self._observe(span, int(self.world.society.release[span]), self.world.plan.bad_ends_at)
        self._returned = True

    def _observe(self, span: int, release: int, at: int) -> None:
        row = {
            "plugin": self.names.plugins[self.world.plan.bad],
            "target": self.names.targets[self.world.society.target[span]],
            "event": "updated",
            "version": self.names.versions[release],
            "source": SOURCE,
            "occurred_at": iso(at),
        }
        self.sent.rejected += self._acting(span).post_observations([row]).rejected

    def _acting(self, span: int) -> Client:
        return self._client.acting_in(self.names.tenants[self.world.society.tenant[span]])

    def _use(self, since: int, events: Events) -> list[BatchResult]:
        """Post the uses tenant by tenant, each under a trace of its own; no other step begins at the same microsecond."""
        words = replace(self._words, key=f"{self._words.key}-live-{since}")
        events = events.numbered(np.arange(len(events)))
        results = []
        for tenant in np.unique(events["tenant"]).tolist():
            slug, rows = self.names.tenants[tenant], usage_table(words, events.take(events["tenant"] == tenant))
            with bound(new_trace()):
                results.append(self._client.acting_in(slug).post_usage(f"{words.key}-{slug}", rows))
        return results


def live(
    society: Society,
    client: Client,
    sent: Sent,
    *,
    surge_after: float,
    bad_after: float,
    seconds: float | None,
    truth_path: Path | None = None,
    say: Say = lambda _: None,
    clock: Clock | None = None,
) -> None:
    """Go on as time passes, until `seconds` have passed or for good; `*_after` are seconds from now.

    What is planted stands in `truth_path` before it happens, what was sent in `sent`. A registry that is away for some
    time is waited for, and told afterwards what it missed; raises what the client raises when that takes too long.
    """
    clock = clock or WallClock()
    started = clock.now()
    sender = _sender(society, client, sent, say, started, surge_after, bad_after, truth_path)
    say(f"the world goes on; {_surging(sender)} surges in {surge_after:.0f} s")
    _go_on(sender, clock, passing(clock, started, seconds))


def replay(
    society: Society,
    client: Client,
    sent: Sent,
    *,
    minutes: float,
    surge_after: float,
    bad_after: float,
    each: Callable[[datetime], None],
    truth_path: Path | None = None,
    say: Say = lambda _: None,
    clock: Clock | None = None,
) -> None:
    """The last `minutes` at once, in steps of half a minute; `*_after` are seconds from where they begin.

    `each` is called after each step with the time at its end, so that what looks at the registry can do so as of then;
    what the registry then refuses is not installed in the next step. Otherwise as `live`.
    """
    clock = clock or WallClock()
    now = clock.now()
    started = now - round(minutes * MINUTE)
    sender = _sender(society, client, sent, say, started, surge_after, bad_after, truth_path)
    say(f"the last {minutes:.0f} minutes at once; {_surging(sender)} surges after {surge_after:.0f} s of them")
    _go_on(sender, clock, past(started, now), each)


def _sender(
    society: Society,
    client: Client,
    sent: Sent,
    say: Say,
    started: int,
    surge_after: float,
    bad_after: float,
    truth_path: Path | None,
) -> Sender:
    """Of a world with its truths written; an earlier run may have released versions of the plugin already."""
    _, bad = busiest(society)
    taken = {row["version"] for row in client.releases(society.catalogue.refs[bad])}
    plan = plan_live(society, started, surge_after=surge_after, bad_after=bad_after, taken=taken)
    sender = Sender(client, LiveWorld(society, plan), sent, say)
    if truth_path is not None:
        write_truths(truth_path, society.config, sender.world.truths, sender.names)
    return sender


def _surging(sender: Sender) -> str:
    return sender.names.plugins[sender.world.plan.surge]


def _go_on(
    sender: Sender,
    clock: Clock,
    stretches: Iterable[Stretch],
    each: Callable[[datetime], None] = lambda _: None,
) -> None:
    for since, until in stretches:
        _insist(sender, clock, since, until)
        each(moment(until))


def _insist(sender: Sender, clock: Clock, since: int, until: int) -> None:
    """Take a step, and again while the registry is away, which is said once; raises when that takes too long."""
    away = None
    while (trouble := _trouble(sender, since, until)) is not None:
        if away is None:
            away = clock.now()
            sender.say(f"the registry is away, the world waits for it: {trouble}")
        elif clock.now() - away > PATIENCE:
            raise trouble
        clock.wait(ASK_AGAIN)
    if away is not None:
        sender.say(f"the registry is back after {(clock.now() - away) / SECOND:.0f} s, and hears what it missed")


def _trouble(sender: Sender, since: int, until: int) -> ApiError | ApiUnreachable | None:
    """Take a step; what went wrong if waiting may mend it, None if nothing did. Other errors are raised."""
    try:
        sender.step(since, until)
    except ApiUnreachable as error:
        return error
    except ApiError as error:
        if error.status not in AWAY:
            raise
        return error
    return None
