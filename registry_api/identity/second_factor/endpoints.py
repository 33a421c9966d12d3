"""Routes of second factors."""

from uuid import UUID

from fastapi import Request

from patchbay.core.settings import Settings
from registry_api.access import Actor, acting, writing
from registry_api.db import UnitOfWork
from registry_api.http import api_router, problems
from registry_api.identity.errors import TooManyCodes
from registry_api.identity.lockout import charge_code, forgive, take_back
from registry_api.identity.people import own_account, person_to_change, proven
from registry_api.identity.rights import Rights
from registry_api.identity.roles import ANYONE
from registry_api.identity.second_factor import schemas, service, totp
from registry_api.problems import Forbidden
from registry_api.tenancy.repository import Tenants

router = api_router("identity")


@router.post("/me/totp", summary="Begin a second factor", responses=problems(conflict="There is one already."))
async def begin_totp(body: schemas.PasswordProof, request: Request, actor: Actor = acting(ANYONE)) -> schemas.TotpBegun:
    """A secret for an authenticator app. It counts once a code has confirmed it."""
    proof = await proven(request, actor, body.password)
    async with actor.writing() as work, own_account(work) as user:
        await forgive(work.session, proof.attempts)
        secret = await service.begin(work, _settings(request), user)
        slug = (await work.repository(Tenants).own()).slug
    return schemas.TotpBegun(secret=totp.shown(secret), uri=totp.uri(secret, user.email, slug))


@router.post("/me/totp/confirm", summary="Confirm a second factor", responses=problems(unprocessable="A wrong code."))
async def confirm_totp(
    body: schemas.CodeProof, request: Request, work: UnitOfWork = writing(ANYONE)
) -> schemas.RecoveryCodes:
    """From now on signing in needs a code. The ten recovery codes are shown this once."""
    async with own_account(work) as user:
        return schemas.RecoveryCodes(recovery_codes=await service.confirm(work, _settings(request), user, body.code))


@router.post("/me/totp/disable", status_code=204, summary="Turn the second factor off")
async def disable_totp(body: schemas.BothProofs, request: Request, actor: Actor = acting(ANYONE)) -> None:
    """Needs the password and a code, so that a stolen session is not enough."""
    proof = await proven(request, actor, body.password)
    try:
        guess = await charge_code(actor.database, proof.codes, body.code)
    except TooManyCodes:  # the password was right
        await take_back(actor.database, proof.attempts)
        raise
    async with actor.writing() as work, own_account(work) as user:
        await forgive(work.session, proof.attempts)
        if guess is not None:
            await forgive(work.session, guess)
        await service.turn_off(work, _settings(request), user, body.code)


@router.delete("/users/{user_id}/totp", status_code=204, summary="Take a person's second factor away")
async def reset_totp(user_id: UUID, work: UnitOfWork = writing("identity:write")) -> None:
    """For who has lost app and recovery codes. Does nothing when there is none. One's own is turned off with POST
    /v1/me/totp/disable only; what a token asks, who made it asks.
    """
    if await work.repository(Rights).behind(work.principal.actor) == f"user:{user_id}":
        raise Forbidden("This is your own account: use POST /v1/me/totp/disable, or ask another administrator.")
    await service.reset(work, (await person_to_change(work, user_id))[0])


def _settings(request: Request) -> Settings:
    found: Settings = request.app.state.settings
    return found
