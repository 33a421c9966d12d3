"""A world small enough to read: one rule, one series, a fleet of processes, and a clock that is told what time it is."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from patchbay.automation.conditions import Quality, Sample
from patchbay.automation.engine import States, Tick, evaluate
from patchbay.automation.facts import Facts
from patchbay.automation.grammar import Rule, parse_rules
from patchbay.automation.plans import Target

START = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
TICK = timedelta(seconds=30)
RULES = Path(__file__).resolve().parents[2] / "rules"


def minutes(count: float) -> timedelta:
    return timedelta(minutes=count)


def process(name: str, replicas: int = 2, generation: int = 1, **labels: str) -> Target:
    return Target(name, "process", labels=labels, state={"replicas": replicas, "generation": generation})


def fleet(count: int, **labels: str) -> tuple[Target, ...]:
    return tuple(process(f"p{index}", **labels) for index in range(count))


def cpu(value: float | None, at: datetime = START, quality: Quality = Quality.OK, **labels: str) -> Sample:
    return Sample("cpu", value, at, labels or {"target": "p0"}, quality)


def rule(trigger: Mapping[str, Any] | None = None, action: Mapping[str, Any] | None = None, **settings: Any) -> Rule:
    """High processor load restarts the target, unless told otherwise."""
    return Rule.model_validate(
        {
            "name": "hot",
            "trigger": trigger or {"metric": "cpu", "threshold": "80%"},
            "action": action or {"type": "restart"},
        }
        | settings
    )


@dataclass
class Engine:
    """Ticks one after another; states go through JSON each time, as they do when they are stored."""

    rules: tuple[Rule, ...]
    facts: Facts = field(default_factory=lambda: Facts(fleet(4)))
    now: datetime = START
    states: States = field(default_factory=States)
    ticks: list[Tick] = field(default_factory=list)

    def tick(self, *samples: Sample, after: timedelta = TICK) -> Tick:
        """Let time pass, then evaluate; the first tick is at START."""
        self.now = self.now + after if self.ticks else self.now
        seen = [replace(sample, at=self.now) for sample in samples]
        tick = evaluate(self.rules, seen, self.states, self.now, self.facts)
        self.states = States.load(tick.states.dump())
        self.ticks.append(tick)
        return tick

    def run(self, values: Iterable[float | None], after: timedelta = TICK) -> list[str]:
        """What changed in each tick of one series, or an empty text; None is a tick without a sample."""
        return [
            " ".join(t.change for t in self.tick(*([] if value is None else [cpu(value)]), after=after).transitions)
            for value in values
        ]

    def planned(self) -> int:
        """Plans of all ticks so far."""
        return sum(len(tick.plans) for tick in self.ticks)

    def reasons(self) -> list[str]:
        """Reasons of all that was suppressed so far."""
        return [str(suppressed.reason) for tick in self.ticks for suppressed in tick.suppressed]


@pytest.fixture
def ours() -> dict[str, Rule]:
    """The rules this project comes with, by name."""
    return {one.name: one for path in sorted(RULES.glob("*.yaml")) for one in parse_rules(path.read_text(), path.name)}
