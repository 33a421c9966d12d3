"""`patchbay import`."""

from typing import Annotated

import typer

from patchbay.cli.commands.options import Home, Url

app = typer.Typer(
    help="Take in a public registry's files through the API: a folder, an archive or a URL.\n\n"
    "Good rows are kept; bad ones are named with file and line. Running an import again changes nothing.",
    no_args_is_help=True,
)

Source = Annotated[str, typer.Argument(help="A folder, a file, an archive (.tar.zst, .zip, .gz) or a URL.")]


@app.command("jenkins")
def jenkins(source: Source, home: Home = None, url: Url = None) -> None:
    """Import the Jenkins registry: plugins, releases, dependencies, labels, maintainers, warnings, monthly installs.

    Examples:

        patchbay import jenkins ../shared/data/jenkins

        patchbay import jenkins https://updates.jenkins.io/update-center.actual.json
    """
    _import("jenkins", source, home, url)


@app.command("jiro")
def jiro(source: Source, home: Home = None, url: Url = None) -> None:
    """Import the controllers of a Jiro farm: one tenant, a target per controller, its plugins as dated observations.

    Import the Jenkins registry first: a plugin that the registry does not know is refused.

    Example:

        patchbay import jiro ../shared/data/jiro
    """
    _import("jiro", source, home, url)


def _import(kind: str, source: str, home: "Home", url: "Url") -> None:
    from patchbay.cli import output
    from patchbay.cli.context import connect, load_settings
    from patchbay.cli.fill import fill_from

    settings = load_settings(home)
    with connect(settings, url=url) as client:
        output.answers.print(fill_from(kind, source, client, settings.root / "imports"))
