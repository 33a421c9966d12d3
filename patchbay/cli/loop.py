"""The main loop once through, as the demo shows it: fill the registry, build, publish, count."""

import time
from pathlib import Path
from typing import TYPE_CHECKING

from patchbay.cli import output, stack
from patchbay.cli.context import connect
from patchbay.cli.errors import CommandError
from patchbay.cli.fill import fill_from, fill_world

if TYPE_CHECKING:
    from patchbay.cli.supervisor import Supervisor
    from patchbay.core.settings import Settings
    from patchbay.world.config import WorldConfig
    from pipelines.run import BuildSummary

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

    def show_summary(self) -> None:
        """Counts of the registry and the warehouse, and how long each stage took."""
        with connect(self._settings) as client:
            counts = client.status()["counts"]
        rows = [(title, counts[name]) for name, title in COUNTS.items()]
        build = self._build
        rows += [("tables built", build.tables), ("rows in them", build.rows)]
        rows += [("checks passed", build.checks_passed), ("checks failed", build.checks_failed)]
        rows += [("tenants' snapshots rewritten", build.snapshots)]
        output.answers.print(output.table(("registry and warehouse", "count"), rows))
        times = [(title, f"{seconds:.1f}") for title, seconds in self._times.items()]
        times.append(("in all", f"{time.monotonic() - self._started:.1f}"))
        output.answers.print(output.table(("stage", "seconds"), times))
