"""The registry's calls."""

from collections.abc import Mapping

from patchbay.core.client.retrying import Patience
from patchbay.core.client.synchronous.access import AccessCalls
from patchbay.core.client.synchronous.administration import AdministrationCalls
from patchbay.core.client.synchronous.automation import AutomationCalls
from patchbay.core.client.synchronous.catalogue import CatalogueCalls
from patchbay.core.client.synchronous.feeds import FeedCalls
from patchbay.core.client.synchronous.identity import IdentityCalls
from patchbay.core.client.synchronous.insights import InsightCalls
from patchbay.core.client.synchronous.installs import InstallCalls
from patchbay.core.client.synchronous.intake import IntakeCalls
from patchbay.core.client.synchronous.sharing import SharingCalls
from patchbay.core.client.synchronous.transport import Transport
from patchbay.core.client.synchronous.webhooks import WebhookCalls

__all__ = ["Client"]


class Client(
    IdentityCalls,
    AdministrationCalls,
    AccessCalls,
    CatalogueCalls,
    InstallCalls,
    IntakeCalls,
    FeedCalls,
    InsightCalls,
    AutomationCalls,
    WebhookCalls,
    SharingCalls,
):
    """A registry seen with one token; safe to share between tasks or threads; close it or use it as a context manager.

    Reads, and writes that carry an idempotency key, are repeated when the connection or the server fails; other writes
    only when they surely did nothing. Between two attempts it waits as long as the server asks, at most a minute, else
    with exponential backoff and full jitter. `timeout` is seconds of one exchange's stages, `deadline`, if any, seconds
    of a call with all its repeats: none begins later, and what came last is raised.

    Lists are iterators that fetch page by page; they take the route's filters as named arguments, `name__op` for
    `name[op]`, lists for several values. `headers` are sent with every request. Every method raises `ApiError` when the
    registry refuses and `ApiUnreachable` when it does not answer at all.
    """

    def __init__(
        self,
        base_url: str,
        token: str | None = None,
        *,
        tenant: str | None = None,
        timeout: float = 30,
        retries: int = 6,
        deadline: float | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        patience = Patience(retries, timeout, deadline)
        super().__init__(Transport(base_url, token, tenant=tenant, patience=patience, headers=headers))

    def acting_in(self, tenant: str) -> "Client":
        """A client for the same registry and token that acts in another tenant (slug or id); needs a platform token."""
        return self._over(self._transport.acting_in(tenant))

    def keyed(self, key: str) -> "Client":
        """A client that gives this key to its POSTs, in place of one of its own for each.

        Call one method of it, and the same with the same arguments until it answers, be it after a restart: its effect is
        made once. Batches have their batch id instead.
        """
        return self._over(self._transport.keyed(key))

    def _over(self, transport: Transport) -> "Client":
        other = Client.__new__(Client)
        IdentityCalls.__init__(other, transport)
        return other

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


# Made by `make client` from patchbay/core/client/asynchronous/__init__.py; edit that.
