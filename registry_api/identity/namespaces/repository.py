"""All SQL of teams and grants, except the look-up at each request."""

from typing import Any
from uuid import UUID

from sqlalchemy import Select, delete, or_, select

from patchbay.core.clock import utcnow
from registry_api.db import Repository
from registry_api.identity.models import ApiToken, User
from registry_api.identity.namespaces.models import NamespaceGrant, Team, TeamMember
from registry_api.problems import NotFound


class Teams(Repository):
    """Teams of the tenant acted in, also for platform readers."""

    def all(self) -> Select[tuple[Team]]:
        """Every team."""
        return select(Team).where(Team.tenant_id == self.scope.tenant_id)

    async def find(self, name: str, *, locked: bool = False) -> Team | None:
        """A team by name; locked for a change of it."""
        query = self.all().where(Team.name == name)
        query = query.with_for_update(key_share=True) if locked else query
        return (await self.session.execute(query)).scalar_one_or_none()

    async def known(self, name: str) -> Team:
        """A team by name; raises `NotFound`."""
        if (found := await self.find(name)) is None:
            raise NotFound(f"There is no team {name!r} in this tenant.")
        return found

    def members(self, team: Team) -> Select[Any]:
        """Rows of (id, email, display name)."""
        query = select(User.id, User.email, User.display_name).join(TeamMember, TeamMember.user_id == User.id)
        return query.where(TeamMember.team_id == team.id)

    async def member(self, team: Team, user_id: UUID) -> TeamMember | None:
        """A person's place in a team."""
        query = select(TeamMember).where(TeamMember.team_id == team.id, TeamMember.user_id == user_id)
        return (await self.session.execute(query)).scalar_one_or_none()

    async def remove(self, team: Team) -> None:
        """Delete a team with its members and grants."""
        await self.session.execute(delete(NamespaceGrant).where(NamespaceGrant.team_id == team.id))
        await self.session.execute(delete(TeamMember).where(TeamMember.team_id == team.id))
        await self.session.delete(team)


class Grants(Repository):
    """Grants of the tenant acted in."""

    def all(self) -> Select[tuple[NamespaceGrant]]:
        """Every grant."""
        return select(NamespaceGrant).where(NamespaceGrant.tenant_id == self.scope.tenant_id)

    async def known(self, grant_id: UUID) -> NamespaceGrant:
        """A grant by id; raises `NotFound`."""
        found = (await self.session.execute(self.all().where(NamespaceGrant.id == grant_id))).scalar_one_or_none()
        if found is None:
            raise NotFound(f"There is no namespace grant {grant_id} in this tenant.")
        return found

    async def roles_of(self, holder: Team | ApiToken) -> set[str]:
        """The roles that a team or a token holds in some namespace."""
        column = NamespaceGrant.team_id if isinstance(holder, Team) else NamespaceGrant.token_id
        live = or_(NamespaceGrant.expires_at.is_(None), NamespaceGrant.expires_at > utcnow())
        query = select(NamespaceGrant.role).where(column == holder.id, live)
        return set((await self.session.execute(query)).scalars())

    async def remove_ended(self, like: NamespaceGrant) -> None:
        """Delete a grant of the same role to the same holder in the same namespace, if it has ended."""
        holder = (NamespaceGrant.user_id, NamespaceGrant.team_id, NamespaceGrant.token_id)
        same = [column.is_not_distinct_from(getattr(like, column.key)) for column in holder]
        mine = (NamespaceGrant.tenant_id == self.scope.tenant_id, NamespaceGrant.namespace == like.namespace, *same)
        ended = (NamespaceGrant.role == like.role, NamespaceGrant.expires_at <= utcnow())
        await self.session.execute(delete(NamespaceGrant).where(*mine, *ended))

    async def require_user(self, user_id: UUID) -> None:
        """Raises `NotFound` unless the person is of this tenant."""
        await self._require(User, user_id, "person")

    async def require_token(self, token_id: UUID) -> None:
        """Raises `NotFound` unless the token is of this tenant."""
        await self._require(ApiToken, token_id, "token")

    async def _require(self, model: type[User] | type[ApiToken], wanted: UUID, word: str) -> None:
        query = select(model.id).where(model.id == wanted, model.tenant_id == self.scope.tenant_id)
        if (await self.session.execute(query)).first() is None:
            raise NotFound(f"There is no {word} {wanted} in this tenant.")
