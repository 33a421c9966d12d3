"""One tick: every tenant's rules over its samples, and what comes of it kept in one transaction."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any
from uuid import UUID

import anyio
import orjson

from patchbay.automation.conditions import OPERATOR, DuplicateSeries, Sample, fingerprint
from patchbay.automation.engine import States, Tick, evaluate
from patchbay.automation.facts import Facts
from patchbay.automation.grammar import Rule
from patchbay.automation.guards import Brakes
from patchbay.automation.plans import Target
from patchbay.automation.watching import Transition
from registry_api.automation import plans
from registry_api.automation.models import EpisodeRow, RuleRow, StateRow, SuppressionRow, TickRow
from registry_api.automation.processes import Processes, as_target
from registry_api.automation.repository import Automation
from registry_api.automation.rules import restored
from registry_api.automation.schemas import SampleInput, SuppressionView, TickInput, TickView, TransitionView
from registry_api.automation.switches import held
from registry_api.db import Reader, Scope, UnitOfWork
from registry_api.installs.blocks import release_targets
from registry_api.problems import Conflict, FieldError, Unprocessable

ENDED = ("resolved", "dropped", "lost")


@dataclass(frozen=True, slots=True)
class Whose:
    """A tenant's rules with who last changed them; `word` is what rules and series call the tenant."""

    tenant_id: UUID
    word: str
    rules: tuple[Rule, ...]
    authors: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Seen:
    """Samples as they came, and as rules are told them."""

    inputs: Sequence[SampleInput]
    samples: Sequence[Sample]

    @classmethod
    def of(cls, inputs: Sequence[SampleInput]) -> "Seen":
        """From what was sent."""
        return cls(inputs, [one.sample() for one in inputs])

    def of_tenant(self, whose: Whose) -> "Seen":
        """All for the operator's rules; for another tenant's those labelled with it."""
        if whose.word == OPERATOR:
            return self
        pairs = [(i, s) for i, s in zip(self.inputs, self.samples, strict=True) if s.tenant == whose.word]
        return Seen([i for i, _ in pairs], [s for _, s in pairs])

    def releases(self) -> set[str]:
        """Ids of the releases that samples name."""
        return {one.labels["release"] for one in self.inputs if "release" in one.labels}

    def traces(self, rules: Sequence[Rule]) -> dict[tuple[str, str], str]:
        """Traces by rule and fingerprint of the series it watches."""
        found = {}
        for one, sample in zip(self.inputs, self.samples, strict=True):
            for rule in rules if one.trace_id else ():
                if rule.watched is not None and rule.watched.watches == (sample.source, sample.metric):
                    found[rule.name, fingerprint(rule.name, sample)] = str(one.trace_id)
        return found


async def take(work: UnitOfWork, sent: TickInput) -> dict[str, Any]:
    """Evaluate a tick once; the same id again gives the first answer, another body under it is a `Conflict`."""
    digest = hashlib.sha256(orjson.dumps(sent.model_dump(mode="json"), option=orjson.OPT_SORT_KEYS)).hexdigest()
    automation = work.repository(Automation)
    await automation.locked_states()  # of the operator: one tick after the other, whoever sends them
    known = await automation.tick(sent.id)
    if known is not None:
        if known.digest != digest:
            raise Conflict(f"The tick {sent.id} was evaluated with other samples; send these under an id of their own.")
        return known.answer
    answer = await _for_all(work, automation, Seen.of(sent.samples), sent.at)
    answer.id = sent.id
    made = answer.model_dump(mode="json")
    text = orjson.dumps([one.model_dump(mode="json") for one in sent.samples]).decode()
    row = TickRow(id=sent.id, tenant_id=work.principal.tenant_id, at=sent.at, digest=digest, answer=made, samples=text)
    await automation.keep_tick(row)
    return made


async def _for_all(work: UnitOfWork, automation: Automation, seen: Seen, now: datetime) -> TickView:
    answer = TickView(id=None, at=now, transitions=[], plans=[], suppressed=[])
    for tenant_id in await automation.evaluated_tenants():
        mine = Automation(work.session, Scope(tenant_id, work.principal.scope.operator_id))
        row = await mine.locked_states()
        whose = await _whose(mine)
        await plans.give_up(work, mine, now)
        tick = await look(work, mine, whose, seen.of_tenant(whose), load(row), now)
        told = await keep(work, mine, whose, tick, seen.traces(whose.rules), now)
        row.states, row.updated_at = tick.states.dump(), now
        answer.transitions += told.transitions
        answer.plans += told.plans
        answer.suppressed += told.suppressed
    return answer


async def look(reader: Reader, mine: Automation, whose: Whose, seen: Seen, states: States, now: datetime) -> Tick:
    """What an evaluation comes to, with nothing kept: a dry run and the live plan are this same call."""
    facts = await gather(reader, mine, whose.word, seen.releases(), now)
    try:
        return await anyio.to_thread.run_sync(lambda: evaluate(whose.rules, seen.samples, states, now, facts))
    except DuplicateSeries as error:
        raise Unprocessable(f"{error}.", errors=[FieldError("/samples", "duplicate_series", str(error))]) from error


async def gather(reader: Reader, mine: Automation, word: str, releases: set[str], now: datetime) -> Facts:
    """One look at targets, switches and what still runs."""
    scope = mine.scope
    targets: list[Target] = []
    if word == OPERATOR:
        targets += [as_target(row, now) for row in await Processes(reader.session, scope).all()]
    targets += await release_targets(reader.session, scope, word, releases)
    stopped = held(await mine.switches(), scope.tenant_id, scope.operator_id)
    return Facts(tuple(targets), stopped, await mine.running(), tenant=word)


async def keep(
    work: UnitOfWork, mine: Automation, whose: Whose, tick: Tick, traces: Mapping[tuple[str, str], str], now: datetime
) -> TickView:
    """Keep episodes, plans with their intents and jobs, and suppressions; the caller keeps the states."""
    told = answered(tick, whose, traces, now)
    for transition in tick.transitions:
        await _episode(work, mine, transition, traces.get((transition.rule, transition.fingerprint)))
    stored, known = [], await mine.known_keys([plan.key for plan in tick.plans])
    for plan in tick.plans:
        if plan.key in known:
            continue  # a clock that went back brings a schedule's time again
        await plans.replace(work, mine, plan.replaces, now)
        author, trace = whose.authors.get(plan.rule, "system"), traces.get((plan.rule, plan.fingerprint))
        stored.append(plans.view(await plans.store(work, whose.tenant_id, plan, author, trace)))
    for one in told.suppressed:
        work.session.add(SuppressionRow(tenant_id=whose.tenant_id, **one.model_dump()))
    await mine.forget(now)
    told.plans = stored
    return told


def answered(tick: Tick, whose: Whose, traces: Mapping[tuple[str, str], str], now: datetime) -> TickView:
    """A tick as it is answered, with plans that are not stored."""
    return TickView(
        id=None,
        at=now,
        transitions=[
            TransitionView(
                tenant=str(whose.tenant_id), trace_id=traces.get((one.rule, one.fingerprint)), **_fields(one)
            )
            for one in tick.transitions
        ],
        plans=[
            plans.preview(
                plan, whose.tenant_id, whose.authors.get(plan.rule, ""), traces.get((plan.rule, plan.fingerprint))
            )
            for plan in tick.plans
        ],
        suppressed=[SuppressionView(**{**_fields(one), "reason": one.reason.value}) for one in tick.suppressed],
    )


def _fields(one: Any) -> dict[str, Any]:
    return {name: getattr(one, name) for name in one.__dataclass_fields__}


async def _episode(work: UnitOfWork, mine: Automation, change: Transition, trace: str | None) -> None:
    row = await mine.episode(change.rule, change.fingerprint, change.episode)
    if row is None:
        row = EpisodeRow(
            tenant_id=mine.scope.tenant_id,
            rule=change.rule,
            fingerprint=change.fingerprint,
            labels=dict(change.labels),
            began_at=change.episode,
        )
        work.session.add(row)
    row.state, row.value = change.change, change.value if change.value is not None else row.value
    row.revision, row.trace_id = change.revision or row.revision or "", trace or row.trace_id
    if change.change == "firing":
        row.fired_at = change.at
    elif change.change in ENDED:
        row.ended_at = change.at
    await work.session.flush()


def load(row: StateRow | None) -> States:
    """The states of a row; none are remembered before the first tick."""
    return States.load(row.states) if row is not None and row.states else States()


async def _whose(mine: Automation) -> Whose:
    return whose_of(mine.scope, await mine.standing())


def whose_of(scope: Scope, rows: Sequence[RuleRow], rules: Sequence[Rule] | None = None) -> Whose:
    """A tenant with its standing rules, or with others to try."""
    word = OPERATOR if scope.tenant_id == scope.operator_id else str(scope.tenant_id)
    if rules is None:
        rules = [rule for rule in map(restored, rows) if rule is not None]
    return Whose(scope.tenant_id, word, tuple(rules), {row.name: row.author for row in rows})


def with_brakes(states: States, brakes: Brakes) -> States:
    """The states with other brakes, as another revision of them."""
    return replace(states, brakes=brakes, revision=states.revision + 1)
