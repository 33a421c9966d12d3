"""HTTP of signing keys and contacts."""

from typing import Annotated

from fastapi import Depends, Path, Request, Response

from registry_api.access import reading, writing
from registry_api.db import Reader, UnitOfWork
from registry_api.filtering import Asked
from registry_api.http import also, api_router
from registry_api.notifications import filters, service
from registry_api.notifications.models import Contact, SigningKey
from registry_api.notifications.repository import Notifications
from registry_api.notifications.schemas import (
    ContactSet,
    ContactView,
    Label,
    SigningKeySet,
    SigningKeyStored,
    SigningKeyView,
)
from registry_api.pagination import Page, PagingQuery

router = api_router("automation", "/v1/automation", stability="beta")

KeyName = Annotated[Label, Path()]
NotificationReader = Annotated[Reader, reading("automation:write")]
"""Addresses and names of keys are for those who may change them."""
NotificationWork = Annotated[UnitOfWork, writing("automation:write")]


@router.get("/signing-keys", summary="List signing keys")
async def list_signing_keys(
    paging: PagingQuery, asked: Annotated[Asked, Depends(filters.SIGNING_KEYS)], reader: NotificationReader
) -> Page[SigningKeyView]:
    """By name, never what they sign with."""
    query = asked.where(reader.repository(Notifications).keys())
    rows = await paging.rows(reader.session, query, [SigningKey.name, SigningKey.id])
    return rows.page(SigningKeyView.model_validate)


@router.put(
    "/signing-keys/{key}", summary="Set a signing key", responses=also(201, SigningKeyStored, "The name is new.")
)
async def put_signing_key(
    key: KeyName, wanted: SigningKeySet, request: Request, response: Response, work: NotificationWork
) -> SigningKeyStored:
    """One that is made here is shown this once; 201 when the name is new."""
    secret = None if wanted.secret is None else wanted.secret.get_secret_value()
    stored, is_new = await service.set_key(work, request.app.state.settings, key, secret)
    response.status_code = 201 if is_new else 200
    return stored


@router.delete("/signing-keys/{key}", summary="Delete a signing key", status_code=204)
async def delete_signing_key(key: KeyName, work: NotificationWork) -> None:
    """Webhooks that name it fail from then on."""
    await service.delete_key(work, key)


@router.get("/contacts", summary="List contacts")
async def list_contacts(
    paging: PagingQuery, asked: Annotated[Asked, Depends(filters.CONTACTS)], reader: NotificationReader
) -> Page[ContactView]:
    """Teams and their mail addresses."""
    query = asked.where(reader.repository(Notifications).contacts())
    return (await paging.rows(reader.session, query, [Contact.team, Contact.id])).page(ContactView.model_validate)


@router.put(
    "/contacts/{team}", summary="Set a team's mail addresses", responses=also(201, ContactView, "The team is new.")
)
async def put_contact(team: KeyName, wanted: ContactSet, response: Response, work: NotificationWork) -> ContactView:
    """What a rule's mail to the team goes to; 201 when the team is new."""
    stored, is_new = await service.set_contact(work, team, [str(address) for address in wanted.addresses])
    response.status_code = 201 if is_new else 200
    return ContactView.model_validate(stored)


@router.delete("/contacts/{team}", summary="Delete a team's mail addresses", status_code=204)
async def delete_contact(team: KeyName, work: NotificationWork) -> None:
    """Mail to it fails from then on."""
    await service.delete_contact(work, team)
