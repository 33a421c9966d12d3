"""All SQL of second factors."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import delete, select, update

from registry_api.db import Repository
from registry_api.identity.second_factor.models import RecoveryCode, TotpSecret


class SecondFactors(Repository):
    """Second factors of accounts; an account is of one tenant, and its id was found in the scope before."""

    async def totp(self, user_id: UUID) -> TotpSecret | None:
        """An account's app, confirmed or not."""
        return (
            await self.session.execute(select(TotpSecret).where(TotpSecret.user_id == user_id))
        ).scalar_one_or_none()

    async def take_step(self, user_id: UUID, step: int) -> bool:
        """Use a step up; false when one as new was used: of two requests with one code, one gets true."""
        newer = (TotpSecret.user_id == user_id, TotpSecret.last_step < step)
        return await self._once(update(TotpSecret).where(*newer).values(last_step=step))

    async def take_recovery_code(self, user_id: UUID, digest: bytes, now: datetime) -> bool:
        """Use a recovery code up; false when there is none such, or it was used."""
        mine = (RecoveryCode.user_id == user_id, RecoveryCode.hash == digest, RecoveryCode.used_at.is_(None))
        return await self._once(update(RecoveryCode).where(*mine).values(used_at=now))

    async def put_recovery_codes(self, tenant_id: UUID, user_id: UUID, digests: Sequence[bytes]) -> None:
        """Replace an account's recovery codes."""
        await self.session.execute(delete(RecoveryCode).where(RecoveryCode.user_id == user_id))
        self.session.add_all(RecoveryCode(tenant_id=tenant_id, user_id=user_id, hash=digest) for digest in digests)

    async def remove(self, user_id: UUID) -> bool:
        """Delete an account's second factor and recovery codes; whether there was one."""
        await self.session.execute(delete(RecoveryCode).where(RecoveryCode.user_id == user_id))
        return await self._once(delete(TotpSecret).where(TotpSecret.user_id == user_id))

    async def _once(self, statement: object) -> bool:
        result = await self.session.execute(statement)  # type: ignore[call-overload]
        return int(result.rowcount) == 1
