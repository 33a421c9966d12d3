"""`patchbay demo`."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from patchbay.cli.commands.options import Home
from patchbay.cli.errors import UsageError


class Source(StrEnum):
    """What the demo's registry is filled with."""

    world = "world"
    jenkins = "jenkins"


def demo(
    source: Annotated[Source, typer.Option(help="The generated world, or the real Jenkins registry.")] = Source.world,
    data: Annotated[
        Path | None, typer.Option(help="Folder with jenkins/ and jiro/, for --source jenkins.", show_default=False)
    ] = None,
    serve: Annotated[bool, typer.Option("--serve/--no-serve", help="Go on serving, or stop after the summary.")] = True,
    plugins: Annotated[
        int | None, typer.Option(help="Plugins of the generated world; default 500, at least 10.")
    ] = None,
    tenants: Annotated[int | None, typer.Option(help="Its tenants; default 40, at least 2.")] = None,
    days: Annotated[int | None, typer.Option(help="Its days of usage; default 90, at least 7.")] = None,
    home: Home = None,
) -> None:
    """Fill a registry through its API, build the warehouse behind its checks, publish, learn, and serve it all.

    The generated world then goes on in real time: two and a half minutes later a plugin's use surges, a rule notices and
    acts. Without serving, its last minutes are sent at once, so that the summary has what the rules did. Running it again
    on the same state changes nothing that is already there.

    Examples:

        patchbay demo

        patchbay demo --no-serve --plugins 50 --tenants 5 --days 14

        patchbay demo --source jenkins --data ../shared/data
    """
    from patchbay.cli import output, stack
    from patchbay.cli.context import load_settings
    from patchbay.cli.fill import world_config
    from patchbay.cli.loop import Loop

    settings = load_settings(home)
    _require_data(source, data)
    world = world_config({"plugins": plugins, "tenants": tenants, "days": days})
    loop = Loop(settings)
    with stack.supervised(settings) as supervisor:
        loop.prepare(supervisor)
        if source is Source.world:
            loop.fill_with_world(world)
        else:
            loop.fill_with_jenkins(data or Path())
        loop.build()
        loop.learn()
        loop.put_rules()
        has_world = source is Source.world
        if has_world and not serve:
            loop.replay(supervisor, world)
        loop.show_summary()
        if not serve:
            return
        with output.timed("Starting Dagster and the dashboards"):
            stack.start_readers(supervisor, settings)
            if has_world:
                stack.start_world(supervisor, world)
        stack.show_addresses(settings, show_password=True)
        stack.serve(supervisor, settings)
        output.say("Stopping")


def _require_data(source: Source, data: Path | None) -> None:
    if source is Source.world:
        return
    if data is None:
        raise UsageError("--source jenkins needs --data, the folder that holds jenkins/ and jiro/")
    missing = [name for name in ("jenkins", "jiro") if not (data / name).exists()]
    if missing:
        raise UsageError(f"--data {data} has no {' and no '.join(missing)} in it")
