"""`patchbay tenant`."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from patchbay.cli.asking import asks, confirmed, given, group
from patchbay.cli.commands.options import TenantSlug, Yes

if TYPE_CHECKING:
    from patchbay.core.client import Client
    from patchbay.core.client.documents import QuotaView, Tenant

app = group("Tenants: those who share a registry without seeing each other.")


@asks(app, "list", columns=("slug", "name", "kind", "status", "plan", "recorded_at"))
def list_tenants(client: "Client") -> Iterator["Tenant"]:
    """List all tenants.

    Example:

        patchbay tenant list
    """
    return client.tenants()


@asks(app, "show")
def show_tenant(client: "Client", slug: TenantSlug) -> Any:
    """Show one tenant.

    Example:

        patchbay tenant show acme
    """
    return client.tenant(slug)


@asks(app, "create")
def create(
    client: "Client",
    slug: Annotated[str, typer.Argument(metavar="TENANT", help="Its short name.")],
    name: Annotated[str, typer.Option(help="Its name for people.")],
    admin_email: Annotated[str | None, typer.Option(help="Its first administrator.")] = None,
    plan: Annotated[str | None, typer.Option(help="A plan of the registry.")] = None,
) -> Any:
    """Make a tenant. Its first token is shown this once.

    Example:

        patchbay tenant create acme --name "Acme Corp"
    """
    return client.create_tenant(slug, name, **given(admin_email=admin_email, plan=plan))


@asks(app, "suspend")
def suspend(client: "Client", slug: TenantSlug) -> Any:
    """Have a tenant read only.

    Example:

        patchbay tenant suspend acme
    """
    return client.change_tenant(slug, status="suspended")


@asks(app, "resume")
def resume(client: "Client", slug: TenantSlug) -> Any:
    """Let a tenant write again; also undoes its deletion within the grace period.

    Example:

        patchbay tenant resume acme
    """
    return client.change_tenant(slug, status="active")


@asks(app, "usage", columns=("quota", "used", "limit", "remaining", "period", "overridden"))
def usage(client: "Client", slug: TenantSlug) -> list["QuotaView"]:
    """Show a tenant's use of each quota.

    Example:

        patchbay tenant usage acme
    """
    return client.tenant_usage(slug)["quotas"]


@asks(app, "export", shown=False)
def export(
    client: "Client",
    slug: TenantSlug,
    file: Annotated[Path, typer.Argument(help="Where to write the archive; must not be there yet.")],
    timeout: Annotated[float, typer.Option(help="Seconds to wait for it at most.", min=0)] = 3600,
) -> None:
    """Write everything a tenant owns into one archive.

    Example:

        patchbay tenant export acme acme.tar.zst
    """
    from patchbay.cli import output
    from patchbay.cli.files import new_file
    from patchbay.cli.waiting import done_export

    with new_file(file) as sink, output.progress() as tell:
        export = done_export(client, slug, client.export_tenant(slug), timeout)
        client.download_tenant_archive(slug, export["id"], sink, lambda done, total: tell("bytes", done, total))
    output.say(f"Wrote {file.stat().st_size:,} bytes to {file}; their digest is {export['digest']}")


@asks(app, "delete")
def delete(client: "Client", slug: TenantSlug, yes: Yes = False) -> Any:
    """Have a tenant erased after the grace period; `patchbay tenant resume` undoes it until then.

    Example:

        patchbay tenant delete acme --yes
    """
    confirmed(f"Have tenant {slug} erased with everything it owns?", yes)
    return client.delete_tenant(slug)
