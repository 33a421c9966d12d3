"""What lists of teams and namespace grants can be filtered by."""

from registry_api.filtering import By, Filters
from registry_api.identity.models import User
from registry_api.identity.namespaces.models import NamespaceGrant, Team

TEAMS = Filters(name=Team.name, display_name=Team.display_name, recorded_at=Team.recorded_at)
MEMBERS = Filters(
    email=By(User.email, is_personal=True), display_name=By(User.display_name, is_personal=True), id=User.id
)
GRANTS = Filters(
    namespace=NamespaceGrant.namespace,
    role=NamespaceGrant.role,
    user_id=NamespaceGrant.user_id,
    team_id=NamespaceGrant.team_id,
    token_id=NamespaceGrant.token_id,
    created_by=NamespaceGrant.created_by,
    recorded_at=NamespaceGrant.recorded_at,
    expires_at=NamespaceGrant.expires_at,
)
