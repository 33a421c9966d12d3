"""Routes of teams and of grants in namespaces."""

from typing import Annotated
from uuid import UUID

from fastapi import Depends, Path, Response

from registry_api.access import reading, writing
from registry_api.conditions import REVISED, IfMatchOfOld, revision_tag
from registry_api.db import Reader, UnitOfWork
from registry_api.filtering import Asked
from registry_api.http import also, api_router, problems
from registry_api.identity.models import User
from registry_api.identity.namespaces import filters, schemas, service
from registry_api.identity.namespaces.models import NamespaceGrant, Team
from registry_api.identity.namespaces.repository import Grants, Teams
from registry_api.pagination import Page, PagingQuery
from registry_api.schemas import Slug

router = api_router("identity")
IdentityReader = Annotated[Reader, reading("identity:read")]
IdentityWork = Annotated[UnitOfWork, writing("identity:write")]
TeamPath = Annotated[Slug, Path(description="The team's name.")]


@router.get("/teams", summary="List teams")
async def list_teams(
    paging: PagingQuery, asked: Annotated[Asked, Depends(filters.TEAMS)], reader: IdentityReader
) -> Page[schemas.TeamView]:
    """The tenant's teams in order of name."""
    rows = await paging.rows(reader.session, asked.where(reader.repository(Teams).all()), [Team.name])
    return rows.page(schemas.TeamView.model_validate)


@router.get("/teams/{team}", summary="Read a team")
async def read_team(team: TeamPath, response: Response, reader: IdentityReader) -> schemas.TeamView:
    """One team; the ETag is its revision."""
    return _answer(response, await reader.repository(Teams).known(team))


@router.put(
    "/teams/{team}",
    summary="Make or rename a team",
    responses=also(201, schemas.TeamView, "The team is new.") | problems(**REVISED),
)
async def put_team(
    team: TeamPath, body: schemas.TeamSet, response: Response, work: IdentityWork, if_match: IfMatchOfOld = None
) -> schemas.TeamView:
    """201 for a new team, which needs no If-Match. For one that is there 428 without, 412 when it has changed since it was read."""
    made, is_new = await service.set_team(work, team, body.display_name, if_match)
    response.status_code = 201 if is_new else 200
    return _answer(response, made)


@router.delete("/teams/{team}", status_code=204, summary="Delete a team")
async def delete_team(team: TeamPath, work: IdentityWork) -> None:
    """What was granted to it ends at once; its people stay."""
    await service.delete_team(work, team)


@router.get("/teams/{team}/members", summary="List a team's people")
async def list_team_members(
    team: TeamPath,
    paging: PagingQuery,
    asked: Annotated[Asked, Depends(filters.MEMBERS)],
    reader: Reader = reading("identity:read", sensitive=True),
) -> Page[schemas.TeamMemberView]:
    """In order of e-mail."""
    teams = reader.repository(Teams)
    query = asked.where(teams.members(await teams.known(team)))
    rows = await paging.rows(reader.session, query, [User.email], scalars=False)
    return rows.page(schemas.TeamMemberView.model_validate)


@router.put("/teams/{team}/members/{user_id}", status_code=204, summary="Put a person into a team")
async def put_team_member(team: TeamPath, user_id: UUID, work: IdentityWork) -> None:
    """Does nothing when the person is in it."""
    await service.add_to_team(work, team, user_id)


@router.delete("/teams/{team}/members/{user_id}", status_code=204, summary="Take a person out of a team")
async def delete_team_member(team: TeamPath, user_id: UUID, work: IdentityWork) -> None:
    """Does nothing when the person is not in it."""
    await service.remove_from_team(work, team, user_id)


@router.get("/namespace-grants", summary="List grants in namespaces")
async def list_namespace_grants(
    paging: PagingQuery, asked: Annotated[Asked, Depends(filters.GRANTS)], reader: IdentityReader
) -> Page[schemas.NamespaceGrantView]:
    """The tenant's grants, oldest first; those that have expired too."""
    query = asked.where(reader.repository(Grants).all())
    rows = await paging.rows(reader.session, query, [NamespaceGrant.recorded_at, NamespaceGrant.id])
    return rows.page(schemas.NamespaceGrantView.model_validate)


@router.post(
    "/namespace-grants",
    status_code=201,
    summary="Grant a role in a namespace",
    responses=problems(conflict="The holder has it."),
)
async def create_namespace_grant(body: schemas.NewNamespaceGrant, work: IdentityWork) -> schemas.NamespaceGrantView:
    """Whoever holds it may change the catalogue in that namespace, and nowhere else unless their own role lets them."""
    return schemas.NamespaceGrantView.model_validate(await service.add_grant(work, body))


@router.delete("/namespace-grants/{grant_id}", status_code=204, summary="Take back a grant in a namespace")
async def delete_namespace_grant(grant_id: UUID, work: IdentityWork) -> None:
    """It holds from the next request on."""
    await service.delete_grant(work, grant_id)


def _answer(response: Response, team: Team) -> schemas.TeamView:
    response.headers["ETag"] = revision_tag(team.revision)
    return schemas.TeamView.model_validate(team)
