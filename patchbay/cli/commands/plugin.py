"""`patchbay plugin`."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any

import typer

from patchbay.cli.asking import asks, confirmed, document, given, group
from patchbay.cli.commands.options import PluginRef, Yes

if TYPE_CHECKING:
    from patchbay.core.client import Client
    from patchbay.core.client.documents import Plugin, Release

app = group("Plugins: find them, publish and change your own.")
File = Annotated[typer.FileBinaryRead, typer.Argument(help="A JSON document; - for standard input.")]
IfMatch = Annotated[
    int | None,
    typer.Option("--revision", help="Only if it still has this revision; default as it stands.", show_default=False),
]


@asks(app, "list", columns=("ref", "title", "latest_version", "lifecycle", "visibility", "updated_at"))
def list_plugins(
    client: "Client",
    q: Annotated[str | None, typer.Option("--q", help="Words to search for.")] = None,
    namespace: Annotated[str | None, typer.Option(help="Only of this namespace.")] = None,
    label: Annotated[str | None, typer.Option(help="Only with this label.")] = None,
    lifecycle: Annotated[str | None, typer.Option(help="active, deprecated or withdrawn.")] = None,
    sort: Annotated[str | None, typer.Option(help="The API's order, such as updated_at.")] = None,
) -> Iterator["Plugin"]:
    """List plugins.

    Examples:

        patchbay plugin list --q git --limit 10

        patchbay plugin list --lifecycle deprecated -o csv > deprecated.csv
    """
    return client.plugins(q=q, namespace=namespace, label=label, lifecycle=lifecycle, sort=sort)


@asks(app, "show")
def show_plugin(client: "Client", plugin: PluginRef) -> Any:
    """Show one plugin.

    Example:

        patchbay plugin show jenkins:git -o json
    """
    return client.plugin(plugin)


@asks(app, "releases", columns=("version", "released_at", "prerelease", "yanked", "requires_host", "size_bytes"))
def releases(client: "Client", plugin: PluginRef) -> Iterator["Release"]:
    """List a plugin's releases.

    Example:

        patchbay plugin releases jenkins:git --limit 5
    """
    return client.releases(plugin)


@asks(app, "publish")
def publish(client: "Client", file: File) -> Any:
    """Make a plugin of a JSON document: namespace, name, and what the API document says of PluginDocument.

    Example:

        echo '{"namespace": "acme", "name": "deploy"}' | patchbay plugin publish -
    """
    told: Any = document(file)
    return client.create_plugin(told)


@asks(app, "update")
def update(
    client: "Client",
    plugin: PluginRef,
    title: Annotated[str | None, typer.Option(help="What people call it.")] = None,
    summary: Annotated[str | None, typer.Option(help="One line about it.")] = None,
    lifecycle: Annotated[str | None, typer.Option(help="active, deprecated or withdrawn.")] = None,
    visibility: Annotated[str | None, typer.Option(help="public or private.")] = None,
    label: Annotated[list[str] | None, typer.Option(help="Its labels from now on; may be given often.")] = None,
    file: Annotated[typer.FileBinaryRead | None, typer.Option(help="A JSON document of fields to change.")] = None,
    revision: IfMatch = None,
) -> Any:
    """Change a plugin. Ends with 1 where it has another revision than the one that is given.

    Example:

        patchbay plugin update acme:deploy --title "Deploy" --lifecycle deprecated
    """
    changes: Any = document(file) if file else {}
    changes |= given(title=title, summary=summary, lifecycle=lifecycle, visibility=visibility, labels=label or None)
    return client.update_plugin(plugin, changes, revision)


@asks(app, "delete", shown=False)
def delete(client: "Client", plugin: PluginRef, yes: Yes = False) -> None:
    """Delete a plugin with its releases; refused while it is installed or needed.

    Example:

        patchbay plugin delete acme:deploy --yes
    """
    confirmed(f"Delete {plugin} with its releases?", yes)
    client.delete_plugin(plugin)
