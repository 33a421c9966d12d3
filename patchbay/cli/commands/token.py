"""`patchbay token`."""

from typing import Annotated, Any

import typer

from patchbay.cli.commands.options import Home, Tenant, Url

app = typer.Typer(
    help="API tokens: make one for a sender or a reader, see which are there, end one.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@app.command("create")
def create(
    name: Annotated[str, typer.Argument(help="What it is for; shown in lists and in the audit.")],
    role: Annotated[
        str, typer.Option(help="viewer, author, operator, tenant_admin, service or platform_admin.")
    ] = "viewer",
    days: Annotated[int, typer.Option(help="Days until it expires.", min=1)] = 90,
    tenant: Tenant = None,
    home: Home = None,
    url: Url = None,
) -> None:
    """Make a token and print it, this once: the registry keeps only its hash.

    Examples:

        patchbay token create ci --role author

        TOKEN=$(patchbay token create collector --role operator --tenant acme)
    """
    from patchbay.cli import output
    from patchbay.cli.context import connect, load_settings

    fields: dict[str, Any] = {"role": role, "expires_in_days": days} | ({"tenant": tenant} if tenant else {})
    with connect(load_settings(home), url=url) as client:
        made = client.create_token(name, **fields)
    output.say(f"Token {made['id']} ({name}, {role}) is valid for {days} days; it is not shown again.")
    print(made["token"])


@app.command("list")
def list_tokens(tenant: Tenant = None, home: Home = None, url: Url = None) -> None:
    """List a tenant's tokens, without their secrets.

    Example:

        patchbay token list --tenant acme
    """
    from patchbay.cli import output
    from patchbay.cli.context import connect, load_settings

    columns = ("id", "name", "prefix", "role", "expires_at", "last_used_at", "revoked_at")
    with connect(load_settings(home), url=url, tenant=tenant) as client:
        rows = [[_to_the_minute(item.get(column)) for column in columns] for item in client.tokens()]
    output.answers.print(output.table(columns, rows))


@app.command("revoke")
def revoke(
    token_id: Annotated[str, typer.Argument(help="Its id, from `patchbay token list`.")],
    tenant: Tenant = None,
    home: Home = None,
    url: Url = None,
) -> None:
    """End a token at once.

    Example:

        patchbay token revoke 0197c1d2-7c1b-7d0e-9d5a-1d6f6c1f2a3b
    """
    from patchbay.cli import output
    from patchbay.cli.context import connect, load_settings

    with connect(load_settings(home), url=url, tenant=tenant) as client:
        client.revoke_token(token_id)
    output.say(f"Token {token_id} is revoked.")


def _to_the_minute(value: Any) -> Any:
    """A time as people read it; other values as they are."""
    is_time = isinstance(value, str) and len(value) >= 20 and value[10] == "T"
    return value[:16].replace("T", " ") if is_time else value
