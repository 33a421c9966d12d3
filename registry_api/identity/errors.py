"""Problems of identity."""

from registry_api.problems import Conflict, Forbidden, Unauthenticated, Unprocessable


class LoginFailed(Unauthenticated):
    """Unknown e-mail, wrong password or no membership: the answer does not tell which."""

    code, title = "login_failed", "E-mail or password is wrong"


class TenantNeeded(Unprocessable):
    """E-mail and password fit the person's accounts in several tenants; only their owner gets to know."""

    code, title = "tenant_needed", "Name the tenant to sign in to"


class CannotGrant(Forbidden):
    """A creator may hand out no more than it holds."""

    code, title = "cannot_grant", "You cannot grant what you do not have"


class RoleNotInTenant(Unprocessable):
    """Platform roles and scopes exist in the operator tenant only."""

    code, title = "role_not_in_tenant", "This role does not exist in this tenant"


class AlreadyMember(Conflict):
    """The person is a member of the tenant."""

    code, title = "already_member", "This person is a member already"
