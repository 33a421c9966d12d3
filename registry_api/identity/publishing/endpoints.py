"""Routes of trusted publishing."""

from typing import Annotated
from uuid import UUID

from fastapi import Depends, Request

from registry_api.access import database, reading, writing
from registry_api.db import Reader, UnitOfWork
from registry_api.filtering import Asked
from registry_api.http import api_router, problems
from registry_api.identity.publishing import schemas, service
from registry_api.identity.publishing.filters import PUBLISHERS
from registry_api.identity.publishing.models import TrustedPublisher
from registry_api.identity.publishing.repository import Publishers
from registry_api.pagination import Page, PagingQuery

router = api_router("identity")


@router.get("/trusted-publishers", summary="List trusted publishers")
async def list_trusted_publishers(
    paging: PagingQuery, asked: Annotated[Asked, Depends(PUBLISHERS)], reader: Reader = reading("identity:read")
) -> Page[schemas.TrustedPublisherView]:
    """The tenant's, by place."""
    order = [TrustedPublisher.place, TrustedPublisher.id]
    rows = await paging.rows(reader.session, asked.where(reader.repository(Publishers).all()), order)
    return rows.page(schemas.TrustedPublisherView.model_validate)


@router.post(
    "/trusted-publishers", status_code=201, summary="Trust a workflow", responses=problems(conflict="It is trusted.")
)
async def create_trusted_publisher(
    body: schemas.NewTrustedPublisher, work: UnitOfWork = writing("identity:write")
) -> schemas.TrustedPublisherView:
    """Let a CI workflow publish in a namespace or one plugin, without any secret kept there."""
    return schemas.TrustedPublisherView.model_validate(await service.add_publisher(work, body))


@router.delete("/trusted-publishers/{publisher_id}", status_code=204, summary="Trust a workflow no more")
async def delete_trusted_publisher(publisher_id: UUID, work: UnitOfWork = writing("identity:write")) -> None:
    """Tokens that were given out for its place end at once."""
    await service.remove_publisher(work, publisher_id)


@router.post(
    "/trusted-publishing/exchange",
    status_code=201,
    summary="Exchange a CI token for a publish token",
    responses=problems(unavailable="The issuer's keys cannot be fetched."),
)
async def exchange_ci_token(body: schemas.CiToken, request: Request) -> schemas.PublishToken:
    """A token for fifteen minutes that publishes where the job's workflow is trusted. Each CI token is taken once."""
    state = request.app.state
    token, secret = await service.Exchange(database(request), state.settings, state.issuer_keys).run(body)
    assert token.expires_at is not None
    return schemas.PublishToken(token=secret.value, expires_at=token.expires_at, places=token.namespaces or [])
