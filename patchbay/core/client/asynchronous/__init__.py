"""The registry's calls."""

from collections.abc import Mapping

from patchbay.core.client.asynchronous.access import AccessCalls
from patchbay.core.client.asynchronous.administration import AdministrationCalls
from patchbay.core.client.asynchronous.automation import AutomationCalls
from patchbay.core.client.asynchronous.catalogue import CatalogueCalls
from patchbay.core.client.asynchronous.feeds import FeedCalls
from patchbay.core.client.asynchronous.identity import IdentityCalls
from patchbay.core.client.asynchronous.insights import InsightCalls
from patchbay.core.client.asynchronous.installs import InstallCalls
from patchbay.core.client.asynchronous.intake import IntakeCalls
from patchbay.core.client.asynchronous.sharing import SharingCalls
from patchbay.core.client.asynchronous.transport import Transport
from patchbay.core.client.asynchronous.webhooks import WebhookCalls
from patchbay.core.client.retrying import Patience

__all__ = ["AsyncClient"]


class AsyncClient(
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

    def acting_in(self, tenant: str) -> "AsyncClient":
        """A client for the same registry and token that acts in another tenant (slug or id); needs a platform token."""
        return self._over(self._transport.acting_in(tenant))

    def keyed(self, key: str) -> "AsyncClient":
        """A client that gives this key to its POSTs, in place of one of its own for each.

        Call one method of it, and the same with the same arguments until it answers, be it after a restart: its effect is
        made once. Batches have their batch id instead.
        """
        return self._over(self._transport.keyed(key))

    def _over(self, transport: Transport) -> "AsyncClient":
        other = AsyncClient.__new__(AsyncClient)
        IdentityCalls.__init__(other, transport)
        return other

    async def __aenter__(self) -> "AsyncClient":
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()
