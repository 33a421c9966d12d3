"""The language of rules: what a document may say, and what is said to who wrote it otherwise."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from difflib import get_close_matches
from functools import cached_property
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, Discriminator, Field, Tag, ValidationError, model_validator
from pydantic_core import ErrorDetails

from patchbay.automation.actions import ACTIONS, Action, BlockRelease, ScaleDown, ScaleUp
from patchbay.automation.digests import digest
from patchbay.automation.documents import Document, MalformedDocument, Path, read_document
from patchbay.automation.fields import Count, Duration, Labels, Line, Share, Strict, Whole
from patchbay.automation.triggers import AnomalyTrigger, MetricTrigger, ScheduleTrigger, SeriesTrigger

TRIGGERS: dict[str, type[Strict]] = {
    "metric": MetricTrigger,
    "anomaly": AnomalyTrigger,
    "schedule": ScheduleTrigger,
}
REST = timedelta(minutes=10)
"""Cooldown of a rule that changes something and does not say how long it waits."""


def _trigger_kind(value: Any) -> str | None:
    keys = value if isinstance(value, dict) else getattr(value, "__dict__", {})
    named = [kind for kind in TRIGGERS if kind in keys]
    return named[0] if len(named) == 1 else None


Trigger = Annotated[
    Annotated[MetricTrigger, Tag("metric")]
    | Annotated[AnomalyTrigger, Tag("anomaly")]
    | Annotated[ScheduleTrigger, Tag("schedule")],
    Discriminator(
        _trigger_kind,
        custom_error_type="trigger",
        custom_error_message="a trigger names exactly one of metric, anomaly or schedule",
    ),
]


class BlastRadius(Strict):
    """How much one kind of targets may be changed within a window; one target is always allowed."""

    max_targets: Count = 5
    max_share: Share = 0.25
    window: Annotated[Duration, Field(gt=timedelta(0), le=timedelta(days=1))] = timedelta(hours=1)


class Rule(Strict):
    """One rule.

    `targets` selects by kind, name and label what is acted on, and `{}` selects nothing. Without it the series itself
    says so, by its label `target` (`release` for a block); a scheduled health check then looks at every process.
    `mode` is the rung on the ladder of trust: off, shadow (evaluated only), dry_run (planned only), approve, auto.
    """

    name: Line
    version: Count = 1
    owner: Line | None = None
    description: Annotated[str, Field(max_length=2000)] = ""
    mode: Literal["off", "shadow", "dry_run", "approve", "auto"] = "auto"
    priority: Whole = 0
    trigger: Trigger
    action: Action
    targets: Labels | None = None
    cooldown: Duration | None = None
    blast_radius: BlastRadius = BlastRadius()

    @cached_property
    def revision(self) -> str:
        """Version and digest of the content, so that an edit under the same version is another rule."""
        return f"{self.version}.{digest(self.model_dump(mode='json'), 12)}"

    @property
    def rest(self) -> timedelta:
        """How long it waits until it acts on the same target again."""
        return (REST if self.action.changes else timedelta(0)) if self.cooldown is None else self.cooldown

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        scheduled, action = isinstance(self.trigger, ScheduleTrigger), self.action
        if isinstance(action, BlockRelease) and (scheduled or self.targets is not None):
            raise ValueError("block_release blocks the release of the series that fired: no schedule, no targets")
        if scheduled and action.changes and self.targets is None:
            raise ValueError(f"a schedule has no series: say in targets what to {action.type}")
        counts = isinstance(action, ScaleUp | ScaleDown) and action.target_value is not None
        if counts and not isinstance(self.trigger, MetricTrigger):
            raise ValueError("target_value needs a metric trigger; write a factor")
        return self

    @property
    def watched(self) -> SeriesTrigger | None:
        """The trigger, where it watches series."""
        return self.trigger if isinstance(self.trigger, SeriesTrigger) else None

    @property
    def scheduled(self) -> ScheduleTrigger:
        """The trigger, where it is a schedule; TypeError where it is not."""
        if not isinstance(self.trigger, ScheduleTrigger):
            raise TypeError(f"{self.name!r} has no schedule")
        return self.trigger


class RuleDocument(Strict):
    """A document: `automation_rules` and nothing else."""

    automation_rules: Annotated[tuple[Rule, ...], Field(strict=False, min_length=1)]


@dataclass(frozen=True, slots=True)
class Mistake:
    """One thing that is wrong in a document."""

    source: str
    line: int | None
    where: str
    message: str

    def __str__(self) -> str:
        place = self.source if self.line is None else f"{self.source}:{self.line}"
        return ": ".join(part for part in (place, self.where, self.message) if part)


class InvalidRules(ValueError):
    """A document with mistakes; all of them, in order of line."""

    def __init__(self, mistakes: list[Mistake]) -> None:
        self.mistakes = tuple(sorted(mistakes, key=lambda mistake: (mistake.source, mistake.line or 0)))
        super().__init__("\n".join(map(str, self.mistakes)))


def parse_rules(text: str, source: str = "rules") -> tuple[Rule, ...]:
    """The rules of one document; InvalidRules names every mistake with its line and, for a key, the nearest known."""
    try:
        document = read_document(text)
    except MalformedDocument as error:
        raise InvalidRules([Mistake(source, error.line, "", str(error))]) from error
    try:
        rules = RuleDocument.model_validate(document.values).automation_rules
    except ValidationError as error:
        # Where rules are wrong, pydantic says besides that too few are left.
        real = [details for details in error.errors() if details["type"] != "too_short"] or error.errors()
        raise InvalidRules([_mistake(source, document, details) for details in real]) from error
    _refuse_repeated(rules, document, source)
    return rules


def parse_all(texts: Mapping[str, str]) -> tuple[Rule, ...]:
    """The rules of several documents by their names; InvalidRules also where two have a rule of one name."""
    mistakes: list[Mistake] = []
    found: dict[str, Rule] = {}
    for source, text in texts.items():
        try:
            rules = parse_rules(text, source)
        except InvalidRules as error:
            mistakes += error.mistakes
            continue
        mistakes += [
            Mistake(source, None, "name", f"{rule.name!r} stands in another file")
            for rule in rules
            if rule.name in found
        ]
        found |= {rule.name: rule for rule in rules}
    if mistakes:
        raise InvalidRules(mistakes)
    return tuple(found.values())


def _refuse_repeated(rules: tuple[Rule, ...], document: Document, source: str) -> None:
    names = [rule.name for rule in rules]
    twice = [index for index, name in enumerate(names) if name in names[:index]]
    if twice:
        lines = [document.lines[("automation_rules", index, "name")] for index in twice]
        raise InvalidRules(
            [
                Mistake(source, line, "name", f"{names[index]!r} stands twice")
                for index, line in zip(twice, lines, strict=True)
            ]
        )


def _mistake(source: str, document: Document, details: ErrorDetails) -> Mistake:
    path = _in_document(details["loc"])
    line = next(document.lines[path[:end]] for end in range(len(path), -1, -1) if path[:end] in document.lines)
    where = ".".join(str(part + 1) if isinstance(part, int) else part for part in path)
    return Mistake(source, line, where, _message(details))


def _in_document(location: tuple[int | str, ...]) -> Path:
    """An error's place without the union's tag that pydantic puts below a trigger or an action."""
    tagged = len(location) > 3 and location[2] in ("trigger", "action")
    return location[:3] + location[4:] if tagged else location


def _message(details: ErrorDetails) -> str:
    kind, location = details["type"], details["loc"]
    if kind == "extra_forbidden":
        return f"unknown key {location[-1]!r}{_nearest(str(location[-1]), list(_model_at(location).model_fields))}"
    if kind == "missing":
        return f"{location[-1]!r} is missing"
    if kind == "union_tag_invalid":
        named = str(details["input"]["type"])
        return f"unknown action {named!r}{_nearest(named, list(ACTIONS))}"
    if kind == "union_tag_not_found":
        return f"an action needs a type: {', '.join(ACTIONS)}"
    return details["msg"].removeprefix("Value error, ")


def _model_at(location: tuple[int | str, ...]) -> type[BaseModel]:
    known = TRIGGERS | ACTIONS | {"blast_radius": BlastRadius}
    if len(location) <= 1:
        return RuleDocument
    return next((known[str(part)] for part in reversed(location[:-1]) if part in known), Rule)


def _nearest(name: str, choices: list[str]) -> str:
    close = get_close_matches(name, choices, n=1, cutoff=0.6)
    return f"; did you mean {close[0]!r}?" if close else f"; known are {', '.join(sorted(choices))}"
