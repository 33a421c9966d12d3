"""The main loop once through, as the demo shows it: fill the registry, build, publish, learn, count."""

import time
from pathlib import Path
from typing import TYPE_CHECKING

from patchbay.cli import live, output, stack
from patchbay.cli.context import connect
from patchbay.cli.errors import CommandError
from patchbay.cli.fill import fill_from, fill_world

if TYPE_CHECKING:
    from patchbay.cli.supervisor import Supervisor
    from patchbay.core.settings import Settings
    from patchbay.world.config import WorldConfig
    from pipelines.resources.insights import Measured
    from pipelines.run import BuildSummary, LearnSummary

COUNTS = {
    "plugins": "plugins",
    "releases": "releases",
    "dependencies": "dependencies",
    "advisories": "advisories",
    "targets": "targets",
    "observations": "installation events",
    "usage_rows": "usage events",
}
"""The registry's counts that the summary shows, and what it calls them."""


class Loop:
    """One pass of the demo over one state folder, its stages timed."""

    def __init__(self, settings: "Settings") -> None:
        self._settings = settings
        self._times: dict[str, float] = {}
        self._started = time.monotonic()
        self._build: BuildSummary
        self._learnt: LearnSummary

    def prepare(self, supervisor: "Supervisor") -> None:
        """The API serves, with an administrator and tokens."""
        with output.timed("Preparing the registry", self._times):
            stack.start_api(supervisor, self._settings)

    def fill_with_world(self, config: "WorldConfig") -> None:
        """Send the generated world."""
        with output.timed("Filling it with the generated world", self._times), connect(self._settings) as client:
            output.notes.print(fill_world(config, client, self._settings.root / "truth.json"))

    def fill_with_jenkins(self, data: Path) -> None:
        """Import the Jenkins registry and the Jiro controllers."""
        for kind, title in (("jenkins", "the Jenkins registry"), ("jiro", "the Jiro controllers")):
            with output.timed(f"Importing {title}", self._times), connect(self._settings) as client:
                output.notes.print(fill_from(kind, str(data / kind), client, self._settings.root / "imports"))

    def build(self) -> None:
        """Run the pipeline: warehouse, checks, published snapshots; raises `CommandError` when a check blocks it."""
        from pipelines.run import build

        log = self._settings.root / "logs" / "build.log"
        with (
            output.timed("Building and publishing the warehouse", self._times),
            output.diverted(log),
            output.progress() as tell,
        ):
            self._build = build(self._settings, progress=output.one_bar("build", tell))
        if not self._build.success:
            raise CommandError(
                f"run {self._build.run_id} failed, {self._build.checks_failed} checks with it, and published nothing: "
                f"see {log}, or the run in Dagster after `patchbay up`"
            )

    def learn(self) -> None:
        """Fit and compare the models, publish their insights; raises `CommandError` when a model fails."""
        from pipelines.run import learn

        log = self._settings.root / "logs" / "learn.log"
        with (
            output.timed("Learning from it", self._times),
            output.diverted(log),
            output.progress() as tell,
        ):
            self._learnt = learn(self._settings, progress=output.one_bar("learn", tell))
        if not self._learnt.success:
            raise CommandError(
                f"run {self._learnt.run_id} failed: see {log}, or the run in Dagster after `patchbay up`; "
                "insights that were published before stay as they are"
            )

    def put_rules(self) -> None:
        """The rules that Patchbay comes with."""
        live.put_rules(self._settings)

    def replay(self, supervisor: "Supervisor", config: "WorldConfig") -> None:
        """The world's last minutes at once, and what the rules make of them."""
        with output.timed("Sending its last minutes, with the rules at work", self._times):
            live.replay(self._settings, supervisor, config)

    def show_summary(self) -> None:
        """Counts, models beside their baselines, planted truths found, what the rules did, and how long each stage took."""
        with connect(self._settings) as client:
            self._show_counts(client.status()["counts"])
            self._show_learnt()
            for table in (live.planted(self._settings, client), live.rules_table(client)):
                if table.row_count:
                    output.answers.print(table)
        times = [(title, f"{seconds:.1f}") for title, seconds in self._times.items()]
        times.append(("in all", f"{time.monotonic() - self._started:.1f}"))
        output.answers.print(output.table(("stage", "seconds"), times))

    def _show_counts(self, counts: dict[str, int]) -> None:
        rows = [(title, counts[name]) for name, title in COUNTS.items()]
        build = self._build
        rows += [("tables built", build.tables), ("rows in them", build.rows)]
        rows += [("checks passed", build.checks_passed), ("checks failed", build.checks_failed)]
        rows += [("tenants' snapshots rewritten", build.snapshots)]
        output.answers.print(output.table(("registry and warehouse", "count"), rows))

    def _show_learnt(self) -> None:
        learnt = self._learnt
        rows = [(one.model, one.metric, f"{one.value:.3f}", _interval(one), _baseline(one)) for one in learnt.metrics]
        output.answers.print(output.table(("model", "metric", "value", "95 % interval", "baseline"), rows))
        found = [(f"rows of {kind}", count) for kind, count in sorted(learnt.rows.items())]
        found += [("series watched", learnt.series), ("anomalies of the past", learnt.anomalies)]
        found.append(("incidents they are part of", learnt.incidents))
        output.answers.print(output.table(("insights", "count"), found))


def _interval(one: "Measured") -> str:
    return "" if one.low is None or one.high is None else f"{one.low:.3f} to {one.high:.3f}"


def _baseline(one: "Measured") -> str:
    return "" if one.baseline is None or one.baseline_value is None else f"{one.baseline} {one.baseline_value:.3f}"
