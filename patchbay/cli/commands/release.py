"""`patchbay release`."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from patchbay.cli.asking import asks, document, given, group
from patchbay.cli.commands.options import PluginRef

if TYPE_CHECKING:
    from patchbay.core.client import Client

app = group("Releases of a plugin.")
Version = Annotated[str, typer.Argument(help="The release's version.")]


@asks(app, "show")
def show_release(client: "Client", plugin: PluginRef, version: Version) -> Any:
    """Show one release with its dependencies.

    Example:

        patchbay release show jenkins:git 5.7.0
    """
    return client.release(plugin, version)


@asks(app, "publish")
def publish(
    client: "Client",
    plugin: PluginRef,
    version: Version,
    digest: Annotated[str | None, typer.Option(help="Of its bytes, such as sha256:….")] = None,
    artifact_url: Annotated[str | None, typer.Option("--url-of-artifact", help="Where its bytes are.")] = None,
    requires_host: Annotated[str | None, typer.Option(help="Range of the host's versions it runs on.")] = None,
    file: Annotated[typer.FileBinaryRead | None, typer.Option(help="A JSON document with more of it.")] = None,
) -> Any:
    """Add a release to a plugin. Publishing the same again changes nothing; other content is refused.

    Example:

        patchbay release publish acme:deploy 1.2.0 --requires-host ">=2.4"
    """
    told: Any = document(file) if file else {}
    told |= given(version=version, digest=digest, artifact_url=artifact_url, requires_host=requires_host)
    return client.publish_release(plugin, told)


@asks(app, "yank")
def yank(
    client: "Client",
    plugin: PluginRef,
    version: Version,
    undo: Annotated[bool, typer.Option("--undo", help="Have it chosen again.")] = False,
) -> Any:
    """Have a release chosen no more by those who do not name it.

    Example:

        patchbay release yank acme:deploy 1.2.0
    """
    return client.yank_release(plugin, version, not undo)
