"""`patchbay user`, and `patchbay me`."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any

import typer

from patchbay.cli.asking import asks, confirmed, given, group
from patchbay.cli.commands.options import Yes

if TYPE_CHECKING:
    from patchbay.core.client import Client
    from patchbay.core.client.documents import User

app = group("A tenant's people.")
UserId = Annotated[str, typer.Argument(metavar="USER", help="Their id, from `patchbay user list`.")]
Role = Annotated[str, typer.Option(help="A role of docs/reference/permissions.md, such as viewer or operator.")]


@asks(app, "list", columns=("id", "email", "display_name", "role", "status"))
def list_users(client: "Client") -> Iterator["User"]:
    """List the tenant's people.

    Example:

        patchbay user list --tenant acme
    """
    return client.users()


@asks(app, "add")
def add(
    client: "Client",
    email: Annotated[str, typer.Argument(help="They sign in with it.")],
    name: Annotated[str, typer.Option(help="What they are called.")],
    role: Role = "viewer",
) -> Any:
    """Add a person; they have no password until one is set.

    Example:

        patchbay user add ada@example.org --name "Ada Lovelace" --role operator
    """
    return client.create_user(email, name, role)


@asks(app, "update")
def update(
    client: "Client",
    user: UserId,
    name: Annotated[str | None, typer.Option(help="What they are called.")] = None,
    role: Annotated[str | None, typer.Option(help="Their role from now on.")] = None,
    status: Annotated[str | None, typer.Option(help="active or disabled.")] = None,
) -> Any:
    """Change a person's name, role or status.

    Example:

        patchbay user update 0197c1d2-7c1b-7d0e-9d5a-1d6f6c1f2a3b --status disabled
    """
    return client.change_user(user, **given(display_name=name, role=role, status=status))


@asks(app, "erase", shown=False)
def erase(client: "Client", user: UserId, yes: Yes = False) -> None:
    """Delete a person's account, and what the audit log tells of them.

    Example:

        patchbay user erase 0197c1d2-7c1b-7d0e-9d5a-1d6f6c1f2a3b --yes
    """
    confirmed(f"Erase user {user} for good?", yes)
    client.erase_user(user)


def me(client: "Client") -> Any:
    """Show who the token stands for, and in which tenant.

    Example:

        patchbay me
    """
    return client.me()
