"""Secrets that were found in public: what they open is closed, and who reports them learns nothing."""

from collections.abc import Sequence

from sqlalchemy import Select, select

from patchbay.core.clock import utcnow
from registry_api.db import Crossing, Database, UnitOfWork, system_principal
from registry_api.identity.authentication import opens_token
from registry_api.identity.models import ApiToken, LoginSession
from registry_api.identity.notices import tell_of_leak
from registry_api.identity.schemas import FoundSecret
from registry_api.identity.service import revoke_token
from registry_api.identity.tokens import Secret, parse_secret
from registry_api.tenancy.repository import find_operator_id


async def revoke_leaked(database: Database, found: Sequence[FoundSecret]) -> None:
    """Revoke the live tokens and sessions among them, each with an audit record in its own tenant.

    What has not the form of a secret of ours costs nothing; the others are looked up before any lock is taken. Each is a
    transaction of its own: a token locks all that was made from it, so no order of theirs keeps two reports apart.
    """
    ours = [(secret, one) for one in found if (secret := parse_secret(one.token.strip())) is not None]
    async with database.reading(Crossing.LEAKS) as session:
        operator_id = await find_operator_id(session)
        live = [(secret, one) for secret, one in ours if (await session.execute(_live(secret))).first()]
    if not live or operator_id is None:
        return
    for secret, one in live:
        async with database.writing(Crossing.LEAKS) as session:
            work = UnitOfWork(session, system_principal(operator_id, operator_id))
            await _revoke(work, secret, one)
            await work.commit()


async def _revoke(work: UnitOfWork, secret: Secret, one: FoundSecret) -> None:
    place = {"url": one.url, "source": one.source}
    thing = (await work.session.execute(_live(secret))).scalar_one_or_none()
    if isinstance(thing, ApiToken):
        await revoke_token(work, thing, "token.leaked", **place)
        tell_of_leak(work, thing)
    elif thing is not None:
        thing.revoked_at = utcnow()
        after, owner = {"revoked_at": thing.revoked_at}, thing.tenant_id
        work.audit(
            "session.leaked", f"session:{thing.id}", place, before={"revoked_at": None}, after=after, tenant_id=owner
        )


def _live(secret: Secret) -> Select[tuple[ApiToken]] | Select[tuple[LoginSession]]:
    """What the secret opens; it comes before any scope, so it needs none."""
    if secret.kind == "t":
        query = select(ApiToken).where(opens_token(), ApiToken.revoked_at.is_(None))
        return query.params(hash=secret.hash, now=utcnow())
    return select(LoginSession).where(LoginSession.secret_hash == secret.hash, LoginSession.revoked_at.is_(None))
