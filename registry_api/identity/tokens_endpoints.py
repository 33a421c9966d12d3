"""Routes of a token's life: rotated, made narrower, found in public."""

from uuid import UUID

from fastapi import Request

from registry_api.access import database, writing
from registry_api.db import UnitOfWork
from registry_api.http import api_router, problems
from registry_api.identity import schemas
from registry_api.identity.authentication import sent_secret
from registry_api.identity.cookies import presented
from registry_api.identity.leaks import revoke_leaked
from registry_api.identity.lifecycle import narrow_token, rotate_token
from registry_api.identity.models import ApiToken
from registry_api.identity.repository import Tokens
from registry_api.identity.roles import ANYONE
from registry_api.identity.tokens import Secret
from registry_api.problems import NotFound, Unauthenticated

router = api_router("identity")


@router.post(
    "/tokens/{token_id}/rotate", summary="Rotate a token", responses=problems(conflict="It is revoked, or not yours.")
)
async def rotate_token_secret(
    token_id: UUID, body: schemas.TokenRotation, request: Request, work: UnitOfWork = writing("identity:write")
) -> schemas.TokenCreated:
    """Give the token a new secret, shown this once; the former one is valid for the overlap, an older one no more.

    Its id, rights, grants and history stay. Only who may grant all that it holds may see its new secret: for a person's token
    that person alone, and one that no person stands behind counts as the caller's from then on. Its own former secret does not
    rotate it.
    """
    token = await work.repository(Tokens).locked(token_id)
    if token is None:
        raise NotFound(f"There is no token {token_id} in this tenant.")
    if work.principal.token_id == token.id and sent_secret(presented(request)).hash != token.secret_hash:
        raise Unauthenticated("The token was rotated; send its new secret.")
    return await _shown(work, token, await rotate_token(work, token, body))


@router.post("/tokens/narrower", status_code=201, summary="Make a narrower token from this one")
async def create_narrower_token(
    body: schemas.NarrowerToken, request: Request, work: UnitOfWork = writing(ANYONE)
) -> schemas.TokenCreated:
    """Make a token with fewer scopes, fewer namespaces or a shorter life than the token that is sent, never more.

    It needs no right of its own, and it ends with the token it was made from.
    """
    return await _shown(work, *await narrow_token(work, body, sent_secret(presented(request)).hash))


async def _shown(work: UnitOfWork, token: ApiToken, secret: Secret) -> schemas.TokenCreated:
    await work.session.flush()
    return schemas.TokenCreated(**schemas.TokenView.model_validate(token).model_dump(), token=secret.value)


@router.post("/token-leaks", status_code=204, summary="Report secrets that were found in public")
async def report_leaked_tokens(body: schemas.FoundSecrets, request: Request) -> None:
    """Revoke those that are live tokens or sessions. The answer is the same whatever they are.

    Takes the list that secret-scanning services send. Who knows a secret could use it, so nothing more is asked of who
    reports it.
    """
    await revoke_leaked(database(request), body.root)
