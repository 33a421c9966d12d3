"""`patchbay simulate`."""

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from patchbay.cli.commands.options import Home, Url


def simulate(
    plugins: Annotated[int, typer.Option(help="Plugins in the public catalogue, at least 10.")] = 500,
    tenants: Annotated[int, typer.Option(help="Tenants that install and use them, at least 2.")] = 40,
    days: Annotated[int, typer.Option(help="Days of usage, at least 7.")] = 90,
    seed: Annotated[int, typer.Option(help="Same seed, same world, byte for byte.")] = 7,
    events: Annotated[int | None, typer.Option(help="Usage events aimed at; default about 2 million.")] = None,
    end: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="First day after the usage; default the world's own.")
    ] = None,
    truth: Annotated[
        Path | None,
        typer.Option(
            help="Where the planted truths go; default <home>/truth.json, <home>/live-truth.json with --live."
        ),
    ] = None,
    live: Annotated[bool, typer.Option("--live", help="Go on in real time with a world that was sent before.")] = False,
    surge_after: Annotated[float, typer.Option(help="With --live: seconds until a plugin's use surges.", min=0)] = 150,
    bad_after: Annotated[float, typer.Option(help="With --live: seconds until a release that fails.", min=0)] = 180,
    seconds: Annotated[
        float | None, typer.Option("--for", help="With --live: seconds to go on; default until stopped.", min=1)
    ] = None,
    home: Home = None,
    url: Url = None,
) -> None:
    """Send a generated world to the running registry: plugins, tenants, installations, usage.

    Taste, seasons, releases, failures and people are simulated; surges, outages, a bad release and credential misuse
    are planted, and written to a truth file that nothing but evaluation reads. Repeating the command changes nothing.

    With --live a world that was sent before goes on instead: every few seconds what was used since. A plugin's use surges,
    another one gets a release that fails. A registry that is away for a while is waited for.

    Examples:

        patchbay simulate

        patchbay simulate --plugins 50 --tenants 5 --days 14 --seed 1

        patchbay simulate --live --surge-after 60 --for 600
    """
    from patchbay.cli import output
    from patchbay.cli.context import connect, load_settings
    from patchbay.cli.fill import fill_world, go_on, world_config

    settings = load_settings(home)
    wanted = {"plugins": plugins, "tenants": tenants, "days": days, "seed": seed, "events": events}
    config = world_config(wanted | ({"end": end.date()} if end else {}))
    with connect(settings, url=url) as client:
        if live:
            table = go_on(
                config,
                client,
                truth or settings.root / "live-truth.json",
                surge_after=surge_after,
                bad_after=bad_after,
                seconds=seconds,
            )
        else:
            table = fill_world(config, client, truth or settings.root / "truth.json")
    output.answers.print(table)
