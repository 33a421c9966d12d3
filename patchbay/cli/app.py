"""The commands. Their bodies are imported when they run, so that `--help` answers at once."""

import typer

from patchbay.cli.commands import demo, feed, imports, simulate, status, token, up

EPILOG = """
Settings are PATCHBAY_* variables; the state lives in one folder, var/ (PATCHBAY_HOME or --home).
Begin with: patchbay demo
"""

app = typer.Typer(
    name="patchbay",
    help="A plugin registry with an analytics platform behind it.",
    epilog=EPILOG,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # plain help needs no import of rich, which costs more than all the rest
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
app.command("demo")(demo.demo)
app.command("up")(up.up)
app.add_typer(imports.app, name="import")
app.command("simulate")(simulate.simulate)
app.command("status")(status.status)
app.add_typer(token.app, name="token")
app.command("feed")(feed.feed)
