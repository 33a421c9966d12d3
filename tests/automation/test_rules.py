"""The rules this project comes with: what each does, and that these stories notice any change of what it says."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from patchbay.automation.conditions import Sample, Source
from patchbay.automation.engine import States, evaluate
from patchbay.automation.facts import Facts
from patchbay.automation.grammar import Rule
from patchbay.automation.plans import Target
from patchbay.automation.triggers import ScheduleTrigger
from tests.automation.conftest import START, TICK, minutes, process

SCALE, HEALTH = "Auto-scale on high load", "Plugin health check"
SURGE, RELEASE = "Scale the registry on a usage surge", "Block a release that fails"
RISK, STALE = "Tell the reviewers of a risky plugin", "Restart the pipelines when data is stale"
HOUR, DAY = 60.0, 24 * 60.0
API = "operator/process/api"


@dataclass(frozen=True)
class Story:
    """A series that has each value for so many minutes (None: nobody looks), and what comes of it at which minute."""

    rule: str
    source: Source
    metric: str
    labels: dict[str, str]
    told: tuple[tuple[float | None, float], ...]
    comes: tuple[tuple[float, str], ...]
    replicas: int = 2
    age: timedelta = timedelta(0)


STORIES = (
    Story(SCALE, "metric", "cpu_utilization", {"target": "api"}, ((0.8, 6), (0.801, 6), (0.8, 0.5)),
          ((6, "pending"), (11, "firing"), (11, f"scale_up {API} {{'replicas': 3}} {{}}"), (12, "resolved"))),
    Story(SCALE, "metric", "cpu_utilization", {"target": "api"}, ((0.9, 5.5),),
          ((0, "pending"), (5, "firing"), (5, f"scale_up {API} {{'replicas': 20}} {{}}")), replicas=19),
    Story(SCALE, "metric", "cpu_utilization", {"target": "api"}, ((0.9, 5.5),),
          ((0, "pending"), (5, "firing"), (5, "nothing_to_do")), replicas=20),
    Story(HEALTH, "metric", "-", {}, ((0, 0.5), (None, 6 * HOUR - 1), (0, 1), (None, 6 * HOUR - 1), (0, 1)),
          tuple((at, "health_check - {} {'remediation': 'auto_restart', 'notification': 'alert_team'}")
                for at in (6 * HOUR, 12 * HOUR))),
    Story(SURGE, "anomaly", "uses_per_minute", {"tenant": "a", "plugin": "p"},
          ((0.989, 3), (-1, 3), (0.99, 2), (0.9, 6), (0.89, 3), (0.95, 1), (0.89, 6), (1, 0.5), (0, 0.5)),
          ((6, "pending"), (6.5, "firing"), (6.5, f"scale_up {API} {{'replicas': 3}} {{}}"), (23, "resolved"),
           (24, "pending"), (24.5, "dropped"))),
    Story(SURGE, "anomaly", "uses_per_minute", {"tenant": "a"}, ((1, 1.5), (0, 5.5), (None, 6.5), (1, 4)),
          ((0, "pending"), (0.5, "firing"), (0.5, f"scale_up {API} {{'replicas': 4}} {{}}"), (6.5, "resolved"),
           (13.5, "pending"), (14, "firing"), (14, "cooldown"), (15.5, f"scale_up {API} {{'replicas': 4}} {{}}")),
          replicas=3),
    Story(SURGE, "anomaly", "uses_per_minute", {"tenant": "a"}, ((1, 1.5),),
          ((0, "pending"), (0.5, "firing"), (0.5, "nothing_to_do")), replicas=4),
    Story(RELEASE, "anomaly", "error_ratio", {"tenant": "a", "release": "r1"},
          ((0.989, 3), (-1, 3), (0.99, 3), (0.5, 31), (0.49, 31), (None, 261), (1, 40)),
          ((6, "pending"), (8, "firing"), (8, "blocks"), (70, "resolved"), (332, "pending"), (334, "firing"),
           (334, "cooldown"), (368, "blocks"))),
    Story(RISK, "metric", "plugin_risk", {"plugin": "p"},
          ((0.799, 1), (0.8, 1), (0.75, 1), (0.8, 1), (0.7, 1), (0.699, 1), (None, 7 * DAY - 7), (1, 5)),
          ((1, "firing"), (1, "mails"), (5, "resolved"), (7 * DAY - 1, "firing"), (7 * DAY - 1, "cooldown"),
           (7 * DAY + 1, "mails"))),
    Story(RISK, "metric", "plugin_risk", {"plugin": "p"}, ((1, 1),), ((0, "firing"), (0, "mails")), age=timedelta(hours=36)),
    Story(RISK, "metric", "plugin_risk", {"plugin": "p"}, ((1, 1),), (), age=timedelta(hours=36, seconds=10)),
    Story(STALE, "metric", "data_age_seconds", {}, ((93_600, 15), (93_601, 11), (86_401, 15), (86_400, 1), (None, 90), (1e5, 20)),
          ((15, "pending"), (25, "firing"), (25, "restarts"), (41, "resolved"), (132, "pending"), (142, "firing"),
           (142, "cooldown"), (145, "restarts"))),
)  # fmt: skip
SHORT = {
    "blocks": "block_release operator/release/r1 {'blocked': True} "
    "{'reason': 'Uses of this release fail far more often than usual'}",
    "mails": "mail - {} {'to': ['reviewers'], 'subject': \"A plugin's risk has become high\"}",
    "restarts": "restart operator/process/dagster-daemon {'generation': 2} {}",
}


def play(story: Story, rule: Rule) -> list[tuple[float, str]]:
    """What comes of a story: changes, effects and reasons, each with its minute."""
    names = ("api", "dagster-daemon", "dashboards", "dagster")
    processes = [process(name, replicas=story.replicas) for name in names]
    facts = Facts((*processes, Target("r1", "release", state={"blocked": False})))
    states, now, found = States(), START, []
    for value, lasting in story.told:
        if value is None:
            now += minutes(lasting)
            continue
        for _ in range(round(lasting * 2)):
            sample = Sample(story.metric, value, now - story.age, story.labels, source=story.source)
            tick = evaluate([rule], [sample], states, now, facts)
            effects = [f"{p.action} {_states(p.desired)} {dict(p.parameters)}" for p in tick.plans]
            said = [t.change for t in tick.transitions] + effects + [str(s.reason) for s in tick.suppressed]
            found += [((now - START) / minutes(1), one) for one in said]
            states, now = tick.states, now + TICK
    return found


def _states(desired: Any) -> str:
    return " ".join(f"{target} {dict(state)}" for target, state in desired.items()) or "- {}"


def expected(story: Story) -> list[tuple[float, str]]:
    return [(minute, SHORT.get(what, what)) for minute, what in story.comes]


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.rule)
def test_each_rule_does_what_its_story_tells(story: Story, ours: dict[str, Rule]) -> None:
    assert play(story, ours[story.rule]) == expected(story)


def test_every_rule_has_a_story(ours: dict[str, Rule]) -> None:
    assert set(ours) == {story.rule for story in STORIES}


def mutants(rule: Rule) -> Iterator[tuple[str, Rule]]:
    """The rule with one thing changed that it says (not what it leaves to defaults), where that still is a rule."""
    for part in ("trigger", "action", ""):
        told = getattr(rule, part) if part else rule
        for name in sorted(told.model_fields_set | ({"comparator"} & set(type(told).model_fields))):
            for value in _others(name, getattr(told, name)):
                data = rule.model_dump()
                (data[part] if part else data)[name] = value
                try:
                    yield f"{part} {name} {value}", Rule.model_validate(data)
                except ValidationError:
                    continue


def _others(name: str, value: Any) -> list[Any]:
    if name in ("name", "version", "owner", "description", "priority", "blast_radius", "type", "trigger", "action"):
        return []
    if isinstance(value, timedelta):
        return [value - TICK, value + TICK, value * 2] if value else [TICK]
    if isinstance(value, int):
        return [value - 1, value + 1]
    named: dict[str, list[Any]] = {
        "comparator": [other for other in (">", ">=", "<", "<=") if other != value],
        "direction": ["any", "down"],
        "factor": [2 * float(value)] if name == "factor" else [],
        "clear": [None],
        "schedule": ["0 */5 * * *", "30 */6 * * *", "0 6 * * *"],
        "remediation": ["none"],
        "targets": [{}, {"kind": "process"}, {"name": "dashboards"}],
    }
    if name in ("threshold", "score", "clear") and value is not None:
        return [value * 0.98, min(value * 1.02, 1.0) if name == "score" else value * 1.02, *named.get(name, [])]
    return named.get(name, [f"another {name}", [f"another {name}"]])


def test_a_rule_that_is_changed_in_anything_it_says_fails_a_story(ours: dict[str, Rule]) -> None:
    survivors, killed = [], 0
    for name, rule in ours.items():
        stories = [story for story in STORIES if story.rule == name]
        for what, mutant in mutants(rule):
            if all(play(story, mutant) == expected(story) for story in stories):
                survivors.append(f"{name}: {what}")
            else:
                killed += 1
    assert not survivors
    assert killed > 60


def test_a_fixed_zone_and_no_surprise_after_an_outage_are_what_a_schedule_says(ours: dict[str, Rule]) -> None:
    trigger = ours[HEALTH].trigger
    assert isinstance(trigger, ScheduleTrigger)
    assert (trigger.timezone, trigger.misfire, trigger.overlap) == ("UTC", "once", "forbid")
