"""All SQL of trusted publishing."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import Select, delete, exists, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession

from registry_api.db import Crossing, Repository, crossing
from registry_api.identity.models import ApiToken
from registry_api.identity.publishing.models import ExchangedToken, TrustedPublisher
from registry_api.problems import NotFound

MAKER = "publisher:"
"""What stands before a publisher's id where a token says who made it."""


async def is_trusted_issuer(session: AsyncSession, issuer: str) -> bool:
    """Whether any tenant trusts a workflow of an issuer. It comes before any scope, so it needs none."""
    return bool((await session.execute(select(exists().where(TrustedPublisher.issuer == issuer)))).scalar_one())


class Publishers(Repository):
    """Trusted publishers of the tenant acted in, also for platform readers."""

    def all(self) -> Select[tuple[TrustedPublisher]]:
        """Every publisher."""
        return select(TrustedPublisher).where(TrustedPublisher.tenant_id == self.scope.tenant_id)

    async def known(self, publisher_id: UUID) -> TrustedPublisher:
        """A publisher by id, locked; raises `NotFound`."""
        query = self.all().where(TrustedPublisher.id == publisher_id).with_for_update()
        if (found := (await self.session.execute(query)).scalar_one_or_none()) is None:
            raise NotFound(f"There is no trusted publisher {publisher_id} in this tenant.")
        return found

    async def of_issuer(self, issuer: str, *, locked: bool = False) -> Sequence[TrustedPublisher]:
        """The publishers of an issuer, oldest first."""
        query = self.all().where(TrustedPublisher.issuer == issuer).order_by(TrustedPublisher.id)
        return (await self.session.execute(query.with_for_update(read=True) if locked else query)).scalars().all()

    async def live_tokens(self, place: str, now: datetime) -> list[ApiToken]:
        """Live tokens that trusted publishing gave out for a place."""
        mine = (ApiToken.tenant_id == self.scope.tenant_id, ApiToken.created_by.startswith(MAKER, autoescape=True))
        query = select(ApiToken).where(*mine, ApiToken.revoked_at.is_(None), ApiToken.expires_at > now)
        return [one for one in (await self.session.execute(query)).scalars() if place in (one.namespaces or ())]

    async def note_exchange(self, key: bytes, keep_until: datetime, now: datetime) -> bool:
        """Use a CI token up; false when it was. Of two at once the second waits for the first to commit, and gets false."""
        dialect = postgresql if self.session.get_bind().dialect.name == "postgresql" else sqlite
        insert = dialect.insert(ExchangedToken).values(key=key, keep_until=keep_until)
        async with crossing(self.session, Crossing.ATTEMPTS):
            await self.session.execute(delete(ExchangedToken).where(ExchangedToken.keep_until < now))
            result = await self.session.execute(insert.on_conflict_do_nothing())
        return int(result.rowcount) == 1  # type: ignore[attr-defined]
