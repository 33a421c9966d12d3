"""`patchbay token`."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from patchbay.cli.asking import asks, given, group
from patchbay.cli.commands.options import Home, Profile, Tenant, Url

if TYPE_CHECKING:
    from patchbay.core.client import Client
    from patchbay.core.client.documents import Token

app = group("API tokens: make one for a sender or a reader, see which are there, end one.")
TokenId = Annotated[str, typer.Argument(help="Its id, from `patchbay token list`.")]
Days = Annotated[int, typer.Option(help="Days until it expires.", min=1)]


@app.command("create")
def create(
    name: Annotated[str, typer.Argument(help="What it is for; shown in lists and in the audit.")],
    role: Annotated[
        str, typer.Option(help="A role of docs/reference/permissions.md, such as viewer, author or operator.")
    ] = "viewer",
    days: Days = 90,
    profile: Profile = None,
    tenant: Tenant = None,
    url: Url = None,
    home: Home = None,
) -> None:
    """Make a token and print it, this once: the registry keeps only its hash.

    Examples:

        patchbay token create ci --role author

        TOKEN=$(patchbay token create collector --role operator --tenant acme)
    """
    from patchbay.cli import output
    from patchbay.cli.reaching import reach

    with reach(home=home, url=url, profile=profile) as client:
        made = client.create_token(name, role=role, expires_in_days=days, **given(tenant=tenant))
    output.say(f"Token {made['id']} ({name}, {role}) is valid for {days} days; it is not shown again.")
    print(made["token"])


@asks(app, "list", columns=("id", "name", "prefix", "role", "expires_at", "last_used_at", "revoked_at"))
def list_tokens(client: "Client") -> Iterator["Token"]:
    """List a tenant's tokens, without their secrets.

    Example:

        patchbay token list --tenant acme
    """
    return client.tokens()


@asks(app, "rotate", shown=False)
def rotate(
    client: "Client",
    token_id: TokenId,
    overlap_minutes: Annotated[
        int | None, typer.Option(help="Minutes for which the former secret holds.", min=0, show_default=False)
    ] = None,
    days: Annotated[int | None, typer.Option(help="Days until it expires.", min=1, show_default=False)] = None,
) -> str:
    """Print a token's new secret, this once.

    Example:

        TOKEN=$(patchbay token rotate 0197c1d2-7c1b-7d0e-9d5a-1d6f6c1f2a3b --overlap-minutes 60)
    """
    made = client.rotate_token(token_id, **given(overlap_minutes=overlap_minutes, expires_in_days=days))
    return str(made["token"])


@asks(app, "revoke", shown=False)
def revoke(client: "Client", token_id: TokenId) -> None:
    """End a token at once.

    Example:

        patchbay token revoke 0197c1d2-7c1b-7d0e-9d5a-1d6f6c1f2a3b
    """
    from patchbay.cli import output

    client.revoke_token(token_id)
    output.say(f"Token {token_id} is revoked.")
