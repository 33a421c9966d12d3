"""`patchbay profile`."""

from typing import Annotated

import typer

from patchbay.cli import completing
from patchbay.cli.asking import group
from patchbay.cli.commands.options import Output
from patchbay.cli.forms import Form

app = group("Registries that you reach by name, with their tokens, in a file that only you can read.")
Name = Annotated[str, typer.Argument(help="What you call it.", autocompletion=completing.profile_names)]


@app.command("add")
def add(
    name: Annotated[str, typer.Argument(help="What you call it.")],
    url: Annotated[str, typer.Option("--url", help="Address of the registry.")],
    tenant: Annotated[
        str | None, typer.Option("--tenant", help="Act in this tenant; needs a platform token.", show_default=False)
    ] = None,
) -> None:
    """Keep a registry's address and token, or others for a name that is there. The token is read from standard input, or
    asked for; never give it as an argument, which everybody on the machine can read.

    The first profile is used from now on where none is named.

    Examples:

        patchbay profile add prod --url https://plugins.example.org

        patchbay profile add ci --url https://plugins.example.org < token.txt
    """
    from patchbay.cli import output, profiles

    profile = profiles.Profile(_checked(url), _read_token(), tenant)
    known = profiles.load()
    profiles.save(profiles.Profiles({**known.known, name: profile}, known.current or name))
    output.say(f"Kept {name} in {profiles.config_file()}. Try it with: patchbay me --profile {name}")


@app.command("list")
def list_profiles(form: Output = Form.table) -> None:
    """List the profiles, without their tokens.

    Example:

        patchbay profile list
    """
    from patchbay.cli import profiles
    from patchbay.cli.shown import show

    known = profiles.load()
    rows = [
        {"name": name, "url": profile.url, "tenant": profile.tenant, "in_use": name == known.current}
        for name, profile in sorted(known.known.items())
    ]
    show(rows, ("name", "url", "tenant", "in_use"), form)


@app.command("use")
def use(name: Name) -> None:
    """Use a profile where none is named.

    Example:

        patchbay profile use prod
    """
    from patchbay.cli import profiles

    known = profiles.load()
    known.named(name)
    profiles.save(profiles.Profiles(known.known, name))


@app.command("remove")
def remove(name: Name) -> None:
    """Forget a profile and its token. The token itself stays valid; end it with `patchbay token revoke`.

    Example:

        patchbay profile remove ci
    """
    from patchbay.cli import profiles

    known = profiles.load()
    known.named(name)
    left = {other: profile for other, profile in known.known.items() if other != name}
    profiles.save(profiles.Profiles(left, known.current if known.current != name else None))


def _checked(url: str) -> str:
    """An address that a token may be sent to: over TLS, or to this machine."""
    import httpx

    from patchbay.cli.errors import UsageError
    from patchbay.core.client.paths import is_loopback

    try:
        read = httpx.URL(url)
    except httpx.InvalidURL as error:
        raise UsageError(f"{url}: {error}") from None
    if not read.host or read.scheme not in ("http", "https") or read.userinfo:
        raise UsageError(f"{url} is no address like https://plugins.example.org")
    if read.scheme == "http" and not is_loopback(read.host):
        raise UsageError(f"{url} would send the token in clear: use https")
    return url.rstrip("/")


def _read_token() -> str:
    import sys

    from patchbay.cli.errors import UsageError

    told = typer.prompt("Token", hide_input=True, err=True) if sys.stdin.isatty() else sys.stdin.readline()
    token = told.strip()
    if not token or not (token.isascii() and token.isprintable()) or " " in token:
        raise UsageError("no token: give one line on standard input, as `patchbay token create` printed it")
    return str(token)
