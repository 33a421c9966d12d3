"""`patchbay target` and `patchbay advisory`."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from patchbay.cli.asking import asks, group
from patchbay.cli.commands.options import TargetName

if TYPE_CHECKING:
    from patchbay.core.client import Client
    from patchbay.core.client.documents import Advisory, InstalledPlugin, Target

targets = group("Targets: the places plugins are installed on.")
advisories = group("Security advisories.")


@asks(targets, "list", columns=("name", "title", "environment", "kind", "lifecycle", "recorded_at"))
def list_targets(client: "Client") -> Iterator["Target"]:
    """List the tenant's targets.

    Example:

        patchbay target list -o json
    """
    return client.targets()


@asks(targets, "show")
def show_target(client: "Client", target: TargetName) -> Any:
    """Show one target.

    Example:

        patchbay target show ci-1
    """
    return client.target(target)


@asks(targets, "installations", columns=("ref", "version", "event", "since", "source"))
def installations(client: "Client", target: TargetName) -> Iterator["InstalledPlugin"]:
    """List what is observed on a target now.

    Example:

        patchbay target installations ci-1
    """
    return client.target_installations(target)


@asks(advisories, "list", columns=("external_id", "severity", "subject_ref", "summary", "unfixed", "published_at"))
def list_advisories(client: "Client") -> Iterator["Advisory"]:
    """List advisories.

    Example:

        patchbay advisory list -o csv > advisories.csv
    """
    return client.advisories()
