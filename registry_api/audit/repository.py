"""All SQL that reads the audit log."""

from collections.abc import AsyncIterator

from sqlalchemy import Select, func, select

from registry_api.audit.models import AuditHead, AuditRecord
from registry_api.db.repository import Repository

BATCH = 1000


class AuditLog(Repository):
    """The chain of the tenant acted in. Chains are read tenant by tenant, also by platform readers."""

    def records(self, action: str | None = None, subject: str | None = None) -> Select[tuple[AuditRecord]]:
        """Records of an action or a subject."""
        query = select(AuditRecord).where(AuditRecord.tenant_id == self.scope.tenant_id)
        query = query if action is None else query.where(AuditRecord.action == action)
        return query if subject is None else query.where(AuditRecord.subject == subject)

    async def head(self) -> AuditHead | None:
        """The newest link as the head row has it; None for a tenant without records."""
        query = select(AuditHead).where(AuditHead.tenant_id == self.scope.tenant_id)
        return (await self.session.execute(query)).scalar_one_or_none()

    async def beyond_head(self) -> int | None:
        """The first position after the one the head names; None when the chain ends there. One statement, so that an
        append at the same moment is seen whole or not at all.
        """
        own = (AuditRecord.tenant_id == self.scope.tenant_id, AuditHead.tenant_id == self.scope.tenant_id)
        query = select(func.min(AuditRecord.position)).where(*own, AuditRecord.position > AuditHead.position)
        return (await self.session.execute(query)).scalar_one()

    async def stream(self, through: int) -> AsyncIterator[AuditRecord]:
        """Every record of the chain that is in place, in order of position; later appends than `through` are left
        out.
        """
        last = None
        while True:
            query = self.records().where(AuditRecord.position <= through)
            query = query if last is None else query.where(AuditRecord.position > last)
            rows = (await self.session.execute(query.order_by(AuditRecord.position).limit(BATCH))).scalars().all()
            for row in rows:
                yield row
            if len(rows) < BATCH:
                return
            last = rows[-1].position
            self.session.expunge_all()
