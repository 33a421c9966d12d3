"""Rule documents: the roadmap's example as it is, and a helpful word about whatever is wrong."""

import re
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from patchbay.automation.actions import HealthCheck, ScaleUp
from patchbay.automation.durations import format_duration, parse_duration, parse_quantity
from patchbay.automation.grammar import InvalidRules, Rule, parse_all, parse_rules
from patchbay.automation.triggers import MetricTrigger, ScheduleTrigger
from tests.automation.conftest import RULES, minutes

ROADMAP = (RULES / "roadmap.yaml").read_text()
ACTIONS = {
    "webhook": "url: https://hooks.example.org/x",
    "mail": "to: [ops@example.org, reviewers]",
    "restart": "",
    "scale_up": "factor: 2\n      max_replicas: 4",
    "scale_down": "factor: 0.5",
    "health_check": "remediation: auto_restart",
    "block_release": "reason: it fails",
}


def complaint(text: str) -> str:
    with pytest.raises(InvalidRules) as caught:
        parse_rules(text, "x.yaml")
    return str(caught.value)


def document(trigger: str = "metric: cpu\n      threshold: 1", action: str = "type: restart", more: str = "") -> str:
    return f"automation_rules:\n  - name: r\n    trigger:\n      {trigger}\n    action:\n      {action}\n{more}"


def test_the_roadmaps_example_is_read_unchanged() -> None:
    scale, health = parse_rules(ROADMAP)
    assert scale.trigger == MetricTrigger(metric="cpu_utilization", threshold=0.8, duration=minutes(5))
    assert scale.action == ScaleUp(type="scale_up", factor=1.5, max_replicas=20)
    assert health.trigger == ScheduleTrigger(schedule="0 */6 * * *")
    assert health.action == HealthCheck(type="health_check", remediation="auto_restart", notification="alert_team")


@pytest.mark.parametrize("action", ACTIONS)
def test_every_action_of_the_grammar_is_read(action: str) -> None:
    (rule,) = parse_rules(document(action=f"type: {action}\n      {ACTIONS[action]}"))
    assert rule.action.type == action


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("threshold:", "treshold:", "x.yaml:6: automation_rules.1.trigger.treshold: unknown key 'treshold'; did you mean 'threshold'?"),
        ("factor:", "factr:", "x.yaml:10: automation_rules.1.action.factr: unknown key 'factr'; did you mean 'factor'?"),
        ("trigger:\n      metric", "triger:\n      metric", "x.yaml:4: automation_rules.1.triger: unknown key 'triger'; did you mean"),
        ("automation_rules:", "automation_rule:", "x.yaml:2: automation_rule: unknown key 'automation_rule'; did you mean"),
        ("type: scale_up", "type: scaleup", "x.yaml:8: automation_rules.1.action: unknown action 'scaleup'; did you mean 'scale_up'?"),
        ("      threshold: 80%\n", "", "x.yaml:4: automation_rules.1.trigger.threshold: 'threshold' is missing"),
        ("80%", "80 per cent", "x.yaml:6: automation_rules.1.trigger.threshold: '80 per cent' is no quantity"),
        ("duration: 5m", "duration: 5", "x.yaml:7: automation_rules.1.trigger.duration: '5' is no duration; write it with units"),
        ("factor: 1.5", "factor: 0.5", "x.yaml:8: automation_rules.1.action: factor 0.5 does not scale up"),
        ("max_replicas: 20", "max_replicas: '20'", "x.yaml:11: automation_rules.1.action.max_replicas: "),
        ("metric: cpu_utilization", "anomaly: a\n      metric: b", "a trigger names exactly one of metric, anomaly or schedule"),
        ("0 */6 * * *", "0 0 30 2 *", "x.yaml:15: automation_rules.2.trigger.schedule: '0 0 30 2 *' never comes"),
        ("Plugin health check", "Auto-scale on high load", "x.yaml:13: name: 'Auto-scale on high load' stands twice"),
        ("      threshold: 80%\n", "      threshold: 80%\n      threshold: 90%\n", "x.yaml:7: the key 'threshold' stands twice"),
    ],
)  # fmt: skip
def test_a_mistake_is_told_with_its_line_and_the_nearest_known_key(old: str, new: str, said: str) -> None:
    assert ROADMAP.count(old) >= 1
    assert said in complaint(ROADMAP.replace(old, new, 1))


def test_all_mistakes_are_told_at_once_in_order() -> None:
    said = complaint(ROADMAP.replace("80%", "x").replace("factor", "factr")).splitlines()
    assert [re.match(r"x\.yaml:(\d+)", line)[1] for line in said] == ["6", "10"]  # type: ignore[index]


@pytest.mark.parametrize(
    "text",
    ["", "- 1", "automation_rules: []", "a: &x 1\nb: *x", "a: !!python/name:os.system x", "[" * 500, "a: " + "9" * 5000,
     "\x00", "automation_rules:\n  - 3", document(trigger="5"), document(action="[]"), "? [a]\n: 1", "a: b: c",
     "x" * 300_000],
)  # fmt: skip
def test_what_is_no_document_of_rules_is_a_complaint_not_a_crash(text: str) -> None:
    assert complaint(text)


@given(st.integers(0, len(ROADMAP)), st.integers(0, 12), st.text("&*!%@`'\"{}[]:,-#|>?\t\n 0a~", max_size=6))
def test_no_damage_to_a_document_is_more_than_a_complaint(start: int, length: int, put: str) -> None:
    try:
        parse_rules(ROADMAP[:start] + put + ROADMAP[start + length :])
    except InvalidRules as error:
        assert all(mistake.message for mistake in error.mistakes)


def test_a_word_that_older_yaml_takes_for_a_truth_value_stays_a_word() -> None:
    (rule,) = parse_rules(document(more="    mode: off\n    owner: no\n"))
    assert (rule.mode, rule.owner) == ("off", "no")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (document("schedule: '@daily'"), "say in targets what to restart"),
        (document("schedule: '@daily'", "type: block_release"), "no schedule, no targets"),
        (document("anomaly: a", "type: scale_up\n      target_value: 5\n      max_replicas: 3"), "needs a metric trigger"),
        (document(action="type: scale_up\n      max_replicas: 3"), "give either factor or target_value"),
        (document(action="type: scale_up\n      factor: 2\n      target_value: 0\n      max_replicas: 3"), "greater than 0"),
        (document(action="type: webhook\n      url: file:///etc/passwd"), "URL"),
        (document("metric: cpu\n      threshold: 1\n      clear: 2"), "lies beyond threshold"),
        (document("anomaly: a\n      score: 0.9\n      clear: 0.95"), "is above score"),
        (document("schedule: '@daily'\n      timezone: Mars/Olympus"), "no IANA time zone"),
    ],
)  # fmt: skip
def test_a_rule_that_makes_no_sense_is_refused_when_written_not_when_it_fires(text: str, said: str) -> None:
    assert said in complaint(text)


def test_an_edit_under_the_same_version_is_another_revision() -> None:
    (before,), (after,) = parse_rules(document()), parse_rules(document(trigger="metric: cpu\n      threshold: 2"))
    (same,) = parse_rules(document())
    assert before.revision == same.revision != after.revision


def test_a_rules_dump_is_the_rule_again() -> None:
    for rule in parse_rules(ROADMAP):
        assert Rule.model_validate_json(rule.model_dump_json()) == rule


def test_one_name_in_two_files_is_refused_and_both_files_mistakes_are_told() -> None:
    with pytest.raises(InvalidRules, match="stands in another file"):
        parse_all({"a.yaml": ROADMAP, "b.yaml": ROADMAP})
    with pytest.raises(InvalidRules) as caught:
        parse_all({"a.yaml": "", "b.yaml": ROADMAP.replace("80%", "x")})
    assert [mistake.source for mistake in caught.value.mistakes] == ["a.yaml", "b.yaml"]


@pytest.mark.parametrize(("text", "seconds"), [("90s", 90), ("5m", 300), ("1h30m", 5400), ("2d", 172_800), ("0s", 0)])
def test_durations_have_units(text: str, seconds: int) -> None:
    assert parse_duration(text) == timedelta(seconds=seconds)
    assert parse_quantity(text) == seconds
    assert parse_duration(format_duration(parse_duration(text))) == parse_duration(text)


@pytest.mark.parametrize("text", ["5", "", "-5m", "5 m", "5m5m", "1.5h", "9999999999999d", "400d", "5min", "٥m"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"no duration|twice|longer"):
        parse_duration(text)


@pytest.mark.parametrize(("text", "value"), [("80%", 0.8), ("0.5 %", 0.005), ("6h", 21_600)])
def test_a_threshold_with_a_unit_is_a_fraction_or_seconds(text: str, value: float) -> None:
    assert parse_quantity(text) == pytest.approx(value)
