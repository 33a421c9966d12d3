"""What somebody may do at this moment, asked without their being there."""

from collections.abc import Collection
from uuid import UUID

from sqlalchemy import ColumnElement, Select, or_, select

from patchbay.core.clock import utcnow
from registry_api.db.binding import Crossing, crossing
from registry_api.db.repository import Repository
from registry_api.identity.models import ApiToken, Membership, User
from registry_api.identity.roles import ROLE_SCOPES
from registry_api.schemas import as_id


class Rights(Repository):
    """Rights of people and tokens of the tenant acted in, and of the operator's, who may act in it."""

    async def has(self, actor: str, scope: str) -> bool:
        """Whether an actor, as the audit log names it, holds a scope now; one that is gone or revoked holds none."""
        kind, _, text = actor.partition(":")
        found = as_id(text)
        if found is None or kind not in ("user", "token"):
            return False
        async with crossing(self.session, Crossing.APPROVER):
            return scope in await (self._of_user(found) if kind == "user" else self._of_token(found))

    async def behind(self, actor: str) -> str:
        """The person who made a token, directly or by other tokens, and a person for themselves; where no person did, what else
        did (`tenant:…`, `publisher:…`), and for tokens of our own processes the token.
        """
        async with crossing(self.session, Crossing.APPROVER):
            while actor.startswith("token:") and (maker := await self._maker(as_id(actor.partition(":")[2]))):
                actor = maker
        return actor

    async def _maker(self, token_id: UUID | None) -> str | None:
        query = select(ApiToken.created_by).where(ApiToken.id == token_id, self._here(ApiToken))
        found = (await self.session.execute(query)).scalar_one_or_none()
        return None if found == "system" else found

    async def _of_user(self, user_id: UUID) -> set[str]:
        found = (await self.session.execute(self._roles(user_id))).tuples()
        return {scope for tenant, role in found for scope in self._reaching(tenant, ROLE_SCOPES[role])}

    async def _of_token(self, token_id: UUID) -> set[str]:
        found = (await self.session.execute(self._grants(token_id))).tuples()
        held = ((tenant, ROLE_SCOPES[role] if role else scopes) for tenant, role, scopes in found)
        return {scope for tenant, scopes in held for scope in self._reaching(tenant, scopes)}

    def _reaching(self, tenant_id: UUID, scopes: Collection[str]) -> Collection[str]:
        """What counts of scopes that are held in a tenant: from elsewhere only who may act here."""
        return scopes if tenant_id == self.scope.tenant_id or "tenancy:act" in scopes else ()

    def _roles(self, user_id: UUID) -> Select[tuple[UUID, str]]:
        query = select(Membership.tenant_id, Membership.role).join(User, User.id == Membership.user_id)
        return query.where(User.id == user_id, User.status == "active", self._here(Membership))

    def _grants(self, token_id: UUID) -> Select[tuple[UUID, str | None, list[str]]]:
        live = (ApiToken.revoked_at.is_(None), or_(ApiToken.expires_at.is_(None), ApiToken.expires_at > utcnow()))
        columns = select(ApiToken.tenant_id, ApiToken.role, ApiToken.scopes)
        return columns.where(ApiToken.id == token_id, *live, self._here(ApiToken))

    def _here(self, kind: type[ApiToken] | type[Membership]) -> ColumnElement[bool]:
        return kind.tenant_id.in_((self.scope.tenant_id, self.scope.operator_id))
