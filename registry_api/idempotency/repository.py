"""All SQL of stored answers."""

from datetime import datetime

from sqlalchemy import delete, select, text, update

from registry_api.db import Repository
from registry_api.idempotency.keys import Question
from registry_api.idempotency.models import IdempotentAnswer

SWEPT_AT_ONCE = 100


class Answers(Repository):
    """Answers of the tenant acted in, never of others."""

    async def take(self, question: Question) -> bool:
        """Whether the key is ours until the transaction ends; False while another transaction holds it.

        SQLite has one writer, which we are by now.
        """
        if self.session.get_bind().dialect.name != "postgresql":
            return True
        taken = await self.session.execute(text("SELECT pg_try_advisory_xact_lock(:key)"), {"key": question.lock})
        return bool(taken.scalar_one())

    async def find(self, question: Question) -> IdempotentAnswer | None:
        """The answer kept for the actor's key, expired or not."""
        query = select(IdempotentAnswer).where(
            IdempotentAnswer.tenant_id == self.scope.tenant_id,
            IdempotentAnswer.actor == question.actor,
            IdempotentAnswer.key == question.key,
        )
        return (await self.session.execute(query)).scalar_one_or_none()

    async def forget(self, location: str) -> None:
        """Take away what the requests were answered that made the thing at a path; that they were carried out is kept, so that
        none of them makes it again.
        """
        made = (
            IdempotentAnswer.tenant_id == self.scope.tenant_id,
            IdempotentAnswer.headers["location"].as_string() == location,
        )
        await self.session.execute(update(IdempotentAnswer).where(*made).values(sealed=b"", sealed_by=""))

    async def sweep(self, now: datetime) -> None:
        """Delete some of the tenant's expired answers, passing over those that others are deleting.

        Each write adds one and takes away up to a hundred; what a tenant that writes no more leaves, housekeeping removes.
        """
        expired = select(IdempotentAnswer.id).where(
            IdempotentAnswer.tenant_id == self.scope.tenant_id, IdempotentAnswer.expires_at <= now
        )
        some = expired.limit(SWEPT_AT_ONCE).with_for_update(skip_locked=True)
        await self.session.execute(delete(IdempotentAnswer).where(IdempotentAnswer.id.in_(some.scalar_subquery())))
