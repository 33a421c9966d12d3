"""The registry as a resource: its feeds through the API, its files through the storage port."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import dagster as dg

from patchbay.core.settings import Settings
from patchbay.core.storage import Storage, open_storage
from warehouse.feeds import FeedSource

if TYPE_CHECKING:
    import pyarrow as pa

    from patchbay.core.client import Client


class RegistryAccess(Protocol):
    """Where rows and files come from."""

    @property
    def feeds(self) -> FeedSource:
        """The ordered feeds."""

    @property
    def storage(self) -> Storage:
        """The port that holds the lake."""


Registry = dg.ResourceParam[RegistryAccess]
"""The annotation of an asset's `registry` parameter."""


class ApiFeeds:
    """Feeds read through the API's client."""

    def __init__(self, client: "Client") -> None:
        self._client = client

    def head_seq(self) -> int:
        """The newest sequence number committed now."""
        return int(self._client.status()["feeds"]["head_seq"])

    def read_feed(self, feed: str, after: int, limit: int) -> "tuple[pa.Table, int, bool]":
        """A page of a feed."""
        page = self._client.read_feed(feed, after, limit)
        return page.table, page.next_after, page.more


@dataclass(frozen=True, slots=True)
class RegistryOf:
    """A registry given by its parts."""

    feeds: FeedSource
    storage: Storage


def registry_of(settings: Settings) -> RegistryOf:
    """The registry that the settings name, with the service's token."""
    from patchbay.core.client import Client

    return RegistryOf(ApiFeeds(Client(settings.api_url, service_token(settings))), open_storage(settings))


def registry_resource(access: RegistryAccess | None = None) -> dg.ResourceDefinition:
    """The given registry, by default that of the environment in which the run starts."""

    @dg.resource(description="The registry's feeds and files.")
    def registry(_: dg.InitResourceContext) -> RegistryAccess:
        return access or registry_of(Settings())

    return registry


def service_token(settings: Settings) -> str:
    """The service's token: `api_token`, else the file the registry wrote; FileNotFoundError when there is neither."""
    if settings.api_token:
        return settings.api_token.get_secret_value()
    path = settings.secret_file("service.token")
    if not path.is_file():
        raise FileNotFoundError(f"no service token at {path}; start the registry once, or set PATCHBAY_API_TOKEN")
    return path.read_text().strip()
