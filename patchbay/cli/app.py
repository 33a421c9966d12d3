"""The commands. Their bodies are imported when they run, so that `--help` answers at once."""

import os

import typer

from patchbay.cli.asking import asks
from patchbay.cli.commands import (
    audit,
    catalogue,
    demo,
    feed,
    imports,
    job,
    plugin,
    profile,
    release,
    rules,
    simulate,
    status,
    tenant,
    token,
    up,
    usage,
    user,
    webhook,
)
from patchbay.cli.commands.options import Profile

EPILOG = """
Settings are PATCHBAY_* variables; the state lives in one folder, var/ (PATCHBAY_HOME or --home). Which registry, as whom: flags,
else the environment, else the profile in use, else this machine's with its administrator's token.
Exit codes: 0 done, 1 refused or failed, 2 wrong usage. Begin with: patchbay demo
"""

app = typer.Typer(
    name="patchbay",
    help="A plugin registry with an analytics platform behind it.",
    epilog=EPILOG,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # plain help needs no import of rich, which costs more than all the rest
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)


@app.callback()
def _root(profile: Profile = None) -> None:
    if profile is not None:
        os.environ["PATCHBAY_PROFILE"] = profile


app.command("demo")(demo.demo)
app.command("up")(up.up)
app.add_typer(imports.app, name="import")
app.command("simulate")(simulate.simulate)
app.command("status")(status.status)
asks(app, "me")(user.me)
app.add_typer(plugin.app, name="plugin")
app.add_typer(release.app, name="release")
app.add_typer(catalogue.targets, name="target")
app.add_typer(catalogue.advisories, name="advisory")
app.add_typer(usage.app, name="usage")
app.add_typer(webhook.app, name="webhook")
app.add_typer(job.app, name="job")
app.add_typer(tenant.app, name="tenant")
app.add_typer(user.app, name="user")
app.add_typer(token.app, name="token")
app.add_typer(rules.app, name="rules")
app.add_typer(audit.app, name="audit")
app.command("feed")(feed.feed)
app.add_typer(profile.app, name="profile")
