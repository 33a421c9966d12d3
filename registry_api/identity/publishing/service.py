"""Rules of trusted publishing."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import jwt

from patchbay.core.clock import utcnow
from patchbay.core.ids import new_id
from patchbay.core.settings import Settings
from patchbay.core.telemetry import current_trace_id
from registry_api.audit.personal import Personal, of_name
from registry_api.db import Crossing, Database, Scope, UnitOfWork, system_principal
from registry_api.identity.errors import ExchangeRefused
from registry_api.identity.models import ApiToken
from registry_api.identity.publishing.claims import PROVIDERS, is_safe, workflow_of
from registry_api.identity.publishing.keys import IssuerKeys
from registry_api.identity.publishing.models import TrustedPublisher
from registry_api.identity.publishing.repository import MAKER, Publishers, is_trusted_issuer
from registry_api.identity.publishing.schemas import CiToken, NewTrustedPublisher
from registry_api.identity.service import Grant, issue_token, revoke_token
from registry_api.identity.tokens import Secret
from registry_api.problems import Conflict, NotFound, TenantSuspended
from registry_api.tenancy.repository import Tenants, find_operator_id, named_tenant

LIFE = timedelta(minutes=15)
SKEW = timedelta(seconds=60)
"""How far apart clocks may be: a CI token is taken for live that much after its end."""

KEPT_AFTER = SKEW + timedelta(minutes=5)
"""How long after a CI token's end its record is kept: beyond the skew, so that it never dies before the token does."""

NOT_THIS = "No trusted publisher of that tenant is this workflow. Compare repository and owner ids, workflow file and environment."
ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "ES256", "ES384", "EdDSA"]
REQUIRED = ["iss", "aud", "exp", "iat", "jti", "sub"]
SCOPES = ("catalog:read", "catalog:write")
NO_MATCH = "No trusted publisher of that tenant is this workflow, or its issuer did not sign the CI token."
"""The one answer until the signature holds. What comes before that is the same for every tenant's name."""


async def add_publisher(work: UnitOfWork, wanted: NewTrustedPublisher) -> TrustedPublisher:
    """Trust a workflow; raises `CannotGrant` for a place the caller may not publish in, `Conflict` when it is trusted."""
    tenant = await work.repository(Tenants).own()
    Grant.of(None, SCOPES, [wanted.place]).allowed(work.principal, tenant.kind)
    fields = wanted.model_dump()
    for known in await work.repository(Publishers).of_issuer(wanted.issuer):
        if all(getattr(known, name) == value for name, value in fields.items()):
            raise Conflict(f"This workflow is trusted for {wanted.place} already.")
    row = TrustedPublisher(
        **fields, id=new_id(), recorded_at=utcnow(), tenant_id=tenant.id, created_by=work.principal.actor
    )
    work.session.add(row)
    work.audit("publisher.trusted", f"publisher:{row.id}", after=fields)
    return row


async def remove_publisher(work: UnitOfWork, publisher_id: UUID) -> None:
    """Trust a workflow no more; live tokens that were given out for its place end with it."""
    publishers = work.repository(Publishers)
    found = await publishers.known(publisher_id)
    for token in await publishers.live_tokens(found.place, utcnow()):
        await revoke_token(work, token)
    await work.session.delete(found)
    work.audit("publisher.removed", f"publisher:{found.id}", before={"place": found.place})


@dataclass(frozen=True, slots=True)
class Exchange:
    """What exchanging needs of the application."""

    database: Database
    settings: Settings
    keys: IssuerKeys

    async def run(self, sent: CiToken) -> tuple[ApiToken, Secret]:
        """A publish token for a CI job; raises `ExchangeRefused` unless a publisher of the tenant is its workflow.

        No issuer is asked that nobody trusts, and the tenant that is named is not looked at before the signature holds: neither
        by what is answered nor by how long it takes does it show which tenants there are, and whom they trust.
        """
        issuer, key_id = _unverified(sent.token)
        await self._require_trusted(issuer)
        claims = self._verified(sent.token, await self.keys.key(issuer, key_id), issuer)
        scope = await self._trusting(sent.tenant, issuer, claims)
        async with self.database.writing() as session:
            work = UnitOfWork(session, system_principal(scope.tenant_id, scope.operator_id), current_trace_id())
            issued = await _issue(work, await _trusted(work, issuer, claims), claims)
            await work.commit()
        return issued

    async def _require_trusted(self, issuer: str) -> None:
        """Raises `ExchangeRefused` for an issuer that no tenant trusts."""
        async with self.database.reading(Crossing.AUTHENTICATION) as session:
            is_trusted = await is_trusted_issuer(session, issuer)
        if not is_trusted:
            raise ExchangeRefused(NO_MATCH)

    async def _trusting(self, named: str, issuer: str, claims: Mapping[str, Any]) -> Scope:
        """The scope of a tenant that trusts a job's workflow; raises `ExchangeRefused` for any other, before a writer is asked for."""
        async with self.database.reading(Crossing.AUTHENTICATION) as session:
            operator_id = await find_operator_id(session)
            try:
                tenant = await named_tenant(session, named)
            except NotFound:
                raise ExchangeRefused(NOT_THIS) from None
            assert operator_id is not None, "where there is a tenant, there is the operator's"
            scope = Scope(tenant.id, operator_id)
            _matching(await Publishers(session, scope).of_issuer(issuer), claims)
            return scope

    def _verified(self, token: str, key: jwt.PyJWK | None, issuer: str) -> dict[str, Any]:
        if key is None or not _is_signed(token, key):
            raise ExchangeRefused(NO_MATCH)
        audience = self.settings.trusted_publishing_audience
        try:
            return jwt.decode(
                token,
                key,
                algorithms=ALGORITHMS,
                audience=audience,
                issuer=issuer,
                leeway=SKEW,
                options={"require": REQUIRED, "strict_aud": True},
            )
        except (jwt.InvalidTokenError, TypeError, ValueError) as error:
            raise ExchangeRefused(
                f"The CI token is not valid here: {error}. Its audience must be {audience!r}."
            ) from error


def _unverified(token: str) -> tuple[str, str]:
    """The issuer and key that the token claims."""
    try:
        header = jwt.get_unverified_header(token)
        claims = jwt.decode(token, options={"verify_signature": False})
    except (jwt.InvalidTokenError, ValueError, RecursionError) as error:
        raise ExchangeRefused("This is no JSON Web Token.") from error
    issuer, key_id = claims.get("iss"), header.get("kid")
    if not isinstance(issuer, str) or not isinstance(key_id, str):
        raise ExchangeRefused("The CI token names no issuer or no key.")
    return issuer, key_id


def _is_signed(token: str, key: jwt.PyJWK) -> bool:
    try:
        jwt.PyJWS().decode(token, key, algorithms=ALGORITHMS)
    except (jwt.PyJWTError, TypeError, ValueError):
        return False
    return True


async def _trusted(work: UnitOfWork, issuer: str, claims: Mapping[str, Any]) -> list[TrustedPublisher]:
    """The publishers that are the job's workflow, locked as the tenant is: of removing them and a token, one waits and sees."""
    tenant = await work.repository(Tenants).own(locked=True)
    found = _matching(await work.repository(Publishers).of_issuer(issuer, locked=True), claims)
    if tenant.status != "active":
        raise TenantSuspended("The tenant is suspended: nothing can be published in it.")
    return found


def _matching(publishers: Sequence[TrustedPublisher], claims: Mapping[str, Any]) -> list[TrustedPublisher]:
    """The publishers that are the job's workflow; raises `ExchangeRefused` for none, and for jobs of unsafe events."""
    found = [one for one in publishers if _is_workflow(one, claims)]
    if not found:
        raise ExchangeRefused(NOT_THIS)
    safe = [one for one in found if is_safe(PROVIDERS[one.provider], claims)]
    if not safe:
        raise ExchangeRefused(
            "The job was started by an event that may run the code of strangers, or of an unknown kind."
        )
    return safe


def _is_workflow(publisher: TrustedPublisher, claims: Mapping[str, Any]) -> bool:
    job = workflow_of(PROVIDERS[publisher.provider], claims)
    if job is None or publisher.environment not in ("", job.environment):
        return False
    trusted = (publisher.repository_id, publisher.owner_id, publisher.workflow)
    return trusted == (job.repository_id, job.owner_id, job.file)


async def _issue(
    work: UnitOfWork, publishers: Sequence[TrustedPublisher], claims: Mapping[str, Any]
) -> tuple[ApiToken, Secret]:
    now = utcnow()
    key = hashlib.sha256(f"{claims['iss']}\0{claims['jti']}".encode()).digest()
    keep_until = _end(claims) + KEPT_AFTER
    if not await work.repository(Publishers).note_exchange(key, keep_until, now):
        raise ExchangeRefused("This CI token was exchanged before; ask the CI for another one.")
    first = publishers[0]
    grant = Grant.of(None, SCOPES, {one.place for one in publishers})
    subject = f"{MAKER}{first.id}"
    work.audit("publisher.exchanged", subject, {"claims": _told(work, first, claims), "jti": claims["jti"]})
    name = f"trusted publishing of {first.place}"[:200]
    return issue_token(work, first.tenant_id, name, grant, now + LIFE, created_by=subject)


def _told(work: UnitOfWork, publisher: TrustedPublisher, claims: Mapping[str, Any]) -> dict[str, Any]:
    """What the audit log keeps of a job; who started it stands there sealed under that login."""
    provider = PROVIDERS[publisher.provider]
    told = {name: claims[name] for name in provider.told if name in claims}
    if provider.person not in claims:
        return told
    login = str(claims[provider.person])
    return told | {provider.person: Personal(of_name(work.session, publisher.tenant_id, login), login)}


def _end(claims: Mapping[str, Any]) -> datetime:
    try:
        return datetime.fromtimestamp(int(claims["exp"]), UTC)
    except (ValueError, OverflowError, OSError) as error:
        raise ExchangeRefused("The CI token's end is no time.") from error
