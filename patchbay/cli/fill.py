"""Filling a registry: the generated world, or a public registry's files. Every row goes through the API."""

import dataclasses
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from patchbay.cli import output
from patchbay.cli.errors import CommandError, UsageError

if TYPE_CHECKING:
    from rich.table import Table

    from patchbay.core.client import Client
    from patchbay.importers.report import Report, Tally
    from patchbay.world.config import WorldConfig

OUTCOMES = ("created", "updated", "unchanged")


def world_config(wanted: Mapping[str, Any]) -> "WorldConfig":
    """A world of these sizes, its own where None; raises `UsageError` naming a size that no world can have."""
    from patchbay.world.config import ADOPTION_DAYS, RELEASE_DAYS, WorldConfig

    sizes = {size: value for size, value in wanted.items() if value is not None}
    days = sizes.get("days", 0)
    reach = {"adoption_days": max(days, ADOPTION_DAYS), "release_days": max(days, RELEASE_DAYS)}
    try:
        return WorldConfig(**reach, **sizes)
    except ValueError as error:
        raise UsageError(str(error)) from error


def fill_world(config: "WorldConfig", client: "Client", truth: Path) -> "Table":
    """Send a world; answers a table of what was sent."""
    from patchbay.world.simulate import run

    try:
        with output.progress() as tell:
            summary = run(config, client, tell, truth_path=truth)
    except ValueError as error:
        raise CommandError(str(error)) from error
    return _figures(summary, "Sent")


def go_on(
    config: "WorldConfig",
    client: "Client",
    truth: Path,
    *,
    surge_after: float,
    bad_after: float,
    seconds: float | None,
) -> "Table":
    """Go on with a world in real time; answers a table of what was sent once the time is over or Ctrl-C is pressed.

    Raises `CommandError` where that world was never sent.
    """
    from patchbay.core.client import ApiError
    from patchbay.world.sending import Sent, live
    from patchbay.world.society import build_society

    sent, society = Sent(), build_society(config)
    try:
        live(
            society,
            client,
            sent,
            surge_after=surge_after,
            bad_after=bad_after,
            seconds=seconds,
            truth_path=truth,
            say=output.say,
        )
    except KeyboardInterrupt:
        output.say("Stopping")
    except ValueError as error:
        raise CommandError(str(error)) from error
    except ApiError as error:
        if error.status != 404:
            raise
        raise CommandError(f"{error}; send the world first: the same command without --live") from error
    return _figures(sent, "Sent")


def fill_from(kind: str, source: str, client: "Client", reports: Path, *, again: bool = False) -> "Table":
    """Import a public registry's files with the importer of that name; answers a table of what was taken.

    The whole report, every refused row with its file and place, goes to `<reports>/<kind>.json`.
    """
    from patchbay.importers.sources import SourceError

    importer, file = import_module(f"patchbay.importers.{kind}"), reports / f"{kind}.json"
    try:
        with output.progress() as tell:
            report: Report = importer.run(source, client, tell, report_path=file, again=again)
    except SourceError as error:
        raise CommandError(str(error)) from error
    if report.rejects:
        output.say(f"{len(report.rejects):,} rows or fields were refused; each is named in {file}")
    return _tallies(report, f"Imported from {source}")


def _tallies(report: "Report", title: str) -> "Table":
    """A row for each kind; what was received is what was accepted, was there twice, or was refused."""
    columns = ("received", "accepted", *OUTCOMES, "duplicates", "rejected")
    rows = [(kind, *(_figure(tally, column) for column in columns)) for kind, tally in report.totals.items()]
    return output.table(("", *columns), rows, title)


def _figure(tally: "Tally", column: str) -> int | str:
    """A count; of rows that are parts of another kind's rows the registry does not say which were new."""
    unsaid = column in OUTCOMES and not any(getattr(tally, outcome) for outcome in OUTCOMES)
    return "–" if unsaid and tally.accepted else getattr(tally, column)


def _figures(summary: Any, title: str) -> "Table":
    """A summary's numbers, one a row, zeros left out."""
    rows = [
        (field.name.replace("_", " "), value)
        for field in dataclasses.fields(summary)
        if isinstance(value := getattr(summary, field.name), int | float) and value
    ]
    return output.table(("", "count"), rows, title)
