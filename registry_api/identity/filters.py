"""What lists of people, sessions and tokens can be filtered by."""

from typing import get_args

from registry_api.filtering import EXACT, By, Filters, one_of
from registry_api.identity.models import ApiToken, LoginSession, Membership, User
from registry_api.identity.schemas import Role

USERS = Filters(
    email=By(User.email, is_personal=True),
    display_name=By(User.display_name, is_personal=True),
    status=one_of(User.status, "active", "disabled"),
    role=one_of(Membership.role, *get_args(Role)),
    recorded_at=User.recorded_at,
)
TOKENS = Filters(
    name=ApiToken.name,
    prefix=ApiToken.prefix,
    role=By(ApiToken.role, get_args(Role)),
    parent_id=ApiToken.parent_id,
    created_by=ApiToken.created_by,
    recorded_at=ApiToken.recorded_at,
    expires_at=ApiToken.expires_at,
    revoked_at=ApiToken.revoked_at,
    last_used_at=ApiToken.last_used_at,
)
SESSIONS = Filters(
    issuer=By(LoginSession.issuer, operators=EXACT),
    recorded_at=LoginSession.recorded_at,
    expires_at=LoginSession.expires_at,
    last_used_at=LoginSession.last_used_at,
)
