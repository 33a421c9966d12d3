"""Options that several commands share."""

from pathlib import Path
from typing import Annotated

import typer

from patchbay.cli import completing
from patchbay.cli.forms import Form

Home = Annotated[
    Path | None,
    typer.Option("--home", help="The folder of state; default PATCHBAY_HOME, else var/.", show_default=False),
]
Url = Annotated[
    str | None,
    typer.Option("--url", help="Address of the registry; default the profile's or this machine's.", show_default=False),
]
Tenant = Annotated[
    str | None,
    typer.Option(
        "--tenant",
        help="Act in this tenant (slug or id); needs a platform token.",
        show_default=False,
        autocompletion=completing.tenants,
    ),
]
Profile = Annotated[
    str | None,
    typer.Option(
        "--profile",
        help="A registry of `patchbay profile list`; default PATCHBAY_PROFILE, else the one in use.",
        show_default=False,
        autocompletion=completing.profile_names,
    ),
]
Output = Annotated[Form, typer.Option("--output", "-o", help="A table for people, JSON or CSV for programs.")]
Limit = Annotated[
    int | None,
    typer.Option("--limit", min=1, help="Items at most; default 100 in a table, else all.", show_default=False),
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
PluginRef = Annotated[
    str, typer.Argument(metavar="PLUGIN", help="Its namespace:name, or id.", autocompletion=completing.plugins)
]
TargetName = Annotated[
    str, typer.Argument(metavar="TARGET", help="Its name, or id.", autocompletion=completing.targets)
]
TenantSlug = Annotated[
    str, typer.Argument(metavar="TENANT", help="Its slug, or id.", autocompletion=completing.tenants)
]
