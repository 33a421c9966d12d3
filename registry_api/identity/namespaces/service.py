"""Rules of teams and namespace grants."""

from uuid import UUID

from sqlalchemy.exc import IntegrityError

from patchbay.core.clock import utcnow
from patchbay.core.ids import new_id
from registry_api.conditions import require_revision
from registry_api.db import UnitOfWork
from registry_api.identity.models import ApiToken
from registry_api.identity.namespaces.models import NamespaceGrant, Team, TeamMember
from registry_api.identity.namespaces.repository import Grants, Teams
from registry_api.identity.namespaces.schemas import NewNamespaceGrant
from registry_api.identity.service import Grant
from registry_api.problems import Conflict, PreconditionFailed
from registry_api.tenancy.repository import Tenants


async def set_team(work: UnitOfWork, name: str, display_name: str, if_match: str | None) -> tuple[Team, bool]:
    """Make a team, or call it differently; whether it is new. Raises what `require_revision` does for one that is there, and
    `PreconditionFailed` where a revision is named of one that is not.
    """
    found = await work.repository(Teams).find(name, locked=True)
    if found is not None:
        require_revision(if_match, found.revision)
    elif if_match is not None:
        raise PreconditionFailed(f"There is no team {name!r}; leave If-Match out to make it.")
    before = {"name": found.name, "display_name": found.display_name} if found else None
    after = {"name": name, "display_name": display_name}
    team = found or Team(id=new_id(), recorded_at=utcnow(), tenant_id=work.principal.tenant_id, name=name)
    team.display_name = display_name
    if before != after:
        work.session.add(team)
        await work.session.flush()
        work.audit("team.changed" if found else "team.created", f"team:{team.id}", before=before, after=after)
    return team, found is None


async def delete_team(work: UnitOfWork, name: str) -> None:
    """Delete a team; what was granted to it ends."""
    teams = work.repository(Teams)
    team = await teams.known(name)
    before = {"name": name, "display_name": team.display_name}
    await teams.remove(team)
    work.audit("team.deleted", f"team:{team.id}", before=before)


async def add_to_team(work: UnitOfWork, name: str, user_id: UUID) -> None:
    """Put a person into a team; does nothing when there already. Raises `CannotGrant` for a team that holds more than the
    caller.
    """
    teams = work.repository(Teams)
    team = await teams.known(name)
    await require_granted(work, team)
    await work.repository(Grants).require_user(user_id)
    if await teams.member(team, user_id) is None:
        work.session.add(TeamMember(tenant_id=team.tenant_id, team_id=team.id, user_id=user_id))
        work.audit("team.member_added", f"team:{team.id}", after={"user": str(user_id)})


async def remove_from_team(work: UnitOfWork, name: str, user_id: UUID) -> None:
    """Take a person out of a team; does nothing when not in it."""
    teams = work.repository(Teams)
    team = await teams.known(name)
    await work.repository(Grants).require_user(user_id)
    if (member := await teams.member(team, user_id)) is not None:
        await work.session.delete(member)
        work.audit("team.member_removed", f"team:{team.id}", before={"user": str(user_id)})


async def require_granted(work: UnitOfWork, holder: Team | ApiToken) -> None:
    """Raises `CannotGrant` unless the caller could give what a team or a token holds by grants."""
    tenant = await work.repository(Tenants).own()
    for role in await work.repository(Grants).roles_of(holder):
        Grant.of(role).allowed(work.principal, tenant.kind)


async def add_grant(work: UnitOfWork, wanted: NewNamespaceGrant) -> NamespaceGrant:
    """Give a role in a namespace; raises `CannotGrant` for more than the giver holds, `NotFound` for a foreign holder,
    `Conflict` where the holder has it: taking it back would otherwise leave it.
    """
    tenant = await work.repository(Tenants).own()
    Grant.of(wanted.role).allowed(work.principal, tenant.kind)
    known = work.repository(Grants)
    if wanted.user_id is not None:
        await known.require_user(wanted.user_id)
    if wanted.token_id is not None:
        await known.require_token(wanted.token_id)
    team = await work.repository(Teams).known(wanted.team) if wanted.team else None
    grant = NamespaceGrant(
        **wanted.model_dump(exclude={"team"}),
        id=new_id(),
        recorded_at=utcnow(),
        tenant_id=tenant.id,
        team_id=team.id if team else None,
        created_by=work.principal.actor,
    )
    await known.remove_ended(grant)
    work.session.add(grant)
    try:
        await work.session.flush()
    except IntegrityError as error:
        raise Conflict("The holder has this role there; take that grant back first.") from error
    work.audit("namespace.granted", f"namespace:{wanted.namespace}", after=wanted.model_dump(mode="json"))
    return grant


async def delete_grant(work: UnitOfWork, grant_id: UUID) -> None:
    """Take a grant back; holds from the next request on."""
    grant = await work.repository(Grants).known(grant_id)
    await work.session.delete(grant)
    holder = {name: str(value) for name in ("user_id", "team_id", "token_id") if (value := getattr(grant, name))}
    work.audit("namespace.grant_ended", f"namespace:{grant.namespace}", before={"role": grant.role, **holder})
