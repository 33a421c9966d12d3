"""`patchbay status`."""

from typing import TYPE_CHECKING, Any

import typer

from patchbay.cli.commands.options import Home

if TYPE_CHECKING:
    from patchbay.core.settings import Settings


def status(home: Home = None) -> None:
    """Show which of Patchbay's processes serve, and what is in the registry. Exit code 1 when one does not serve.

    Examples:

        patchbay status

        patchbay status || echo "something is down"
    """
    from patchbay.cli import output
    from patchbay.cli.context import load_settings

    settings = load_settings(home)
    rows = _processes(settings)
    output.answers.print(output.table(("process", "state", "pid", "address"), rows, "Processes"))
    figures = _figures(settings)
    if figures is not None:
        output.answers.print(output.table(("", ""), figures, "Registry"))
    if any(row[1] != "serving" for row in rows):
        raise typer.Exit(1)


def _processes(settings: "Settings") -> list[tuple[str, str, str, str | None]]:
    from patchbay.cli import processes

    pids = _pids(settings)
    rows = []
    for program in processes.everything(settings):
        pid = pids.get(program.name)
        serving = program.answers() and (pid is not None or program.ready is not None)
        rows.append((program.title, "serving" if serving else "down", str(pid or ""), program.address))
    return rows


def _pids(settings: "Settings") -> dict[str, int]:
    """The supervisor's processes that live, by name; none where nothing was started."""
    import json

    file = settings.root / "run" / "pids.json"
    written = json.loads(file.read_text()) if file.exists() else {}
    return {name: pid for name, pid in written.items() if _lives(pid)}


def _lives(pid: int) -> bool:
    import os

    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True  # it is another user's, so it is there
    return True


def _figures(settings: "Settings") -> list[tuple[str, Any]] | None:
    """The registry's own figures; None, with the reason said, when it does not tell."""
    from patchbay.cli import output
    from patchbay.cli.context import connect
    from patchbay.cli.errors import CommandError
    from patchbay.core.client import ApiError, ApiUnreachable

    try:
        with connect(settings, timeout=5, retries=0) as client:
            figures = client.status()
    except (ApiError, ApiUnreachable, CommandError) as error:
        output.say(f"The registry's figures are not known: {error}")
        return None
    plain = [(name, figures[name]) for name in ("version", "database", "migration", "storage") if name in figures]
    counts = [(name.replace("_", " "), count) for name, count in figures.get("counts", {}).items()]
    jobs = [(f"jobs {state}", count) for state, count in figures.get("jobs", {}).items()]
    return [*plain, *counts, *jobs, ("feed head", figures.get("feeds", {}).get("head_seq"))]
