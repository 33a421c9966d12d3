"""`patchbay import`."""

from typing import Annotated

import typer

from patchbay.cli.commands.options import Home, Url

app = typer.Typer(
    help="Take in a public registry's files through the API: a folder, an archive or a URL.\n\n"
    "Good rows are kept; bad ones are named with file and line. Running an import again changes nothing.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

Source = Annotated[
    str,
    typer.Argument(help="A folder, a file, an archive (.tar, .tar.gz, .tar.zst), a packed file (.gz, .zst) or a URL."),
]

Again = Annotated[
    bool, typer.Option("--again", help="Judge batches anew that the registry has answered before, as after a mend.")
]


@app.command("jenkins")
def jenkins(source: Source, again: Again = False, home: Home = None, url: Url = None) -> None:
    """Import the Jenkins registry.

    Plugins, releases, dependencies, labels, maintainers and security warnings of its update center, and its monthly
    install statistics. Plugins that a later catalogue no longer lists are withdrawn, within one run: give the older and
    the newer catalogues together. An import of one catalogue alone withdraws nothing.

    Examples:

        patchbay import jenkins ../shared/data/jenkins

        patchbay import jenkins https://updates.jenkins.io/update-center.actual.json
    """
    _import("jenkins", source, again, home, url)


@app.command("jiro")
def jiro(source: Source, again: Again = False, home: Home = None, url: Url = None) -> None:
    """Import the controllers of a Jiro farm.

    One tenant, a target per controller, its plugins added and removed as dated observations. Import the Jenkins
    registry first: a plugin that the registry does not know is refused.

    Example:

        patchbay import jiro ../shared/data/jiro
    """
    _import("jiro", source, again, home, url)


def _import(kind: str, source: str, again: bool, home: "Home", url: "Url") -> None:
    from patchbay.cli import output
    from patchbay.cli.context import load_settings
    from patchbay.cli.fill import fill_from
    from patchbay.cli.reaching import reach

    settings = load_settings(home)
    with reach(home=home, url=url) as client:
        output.answers.print(fill_from(kind, source, client, settings.root / "imports", again=again))
