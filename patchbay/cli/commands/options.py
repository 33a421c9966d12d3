"""Options that several commands share."""

from pathlib import Path
from typing import Annotated

import typer

Home = Annotated[
    Path | None,
    typer.Option("--home", help="The folder of state; default PATCHBAY_HOME, else var/.", show_default=False),
]
Url = Annotated[
    str | None, typer.Option("--url", help="Address of the registry; default this machine's.", show_default=False)
]
Tenant = Annotated[
    str | None,
    typer.Option("--tenant", help="Act in this tenant (slug or id); needs a platform token.", show_default=False),
]
