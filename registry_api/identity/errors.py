"""Problems of identity."""

from registry_api.problems import Conflict, Forbidden, Unauthenticated, Unprocessable


class LoginFailed(Unauthenticated):
    """Unknown e-mail, wrong password or no membership: the answer does not tell which."""

    code, title = "login_failed", "E-mail or password is wrong"


class CannotGrant(Forbidden):
    """A creator may hand out no more than it holds."""

    code, title = "cannot_grant", "You cannot grant what you do not have"


class RoleNotInTenant(Unprocessable):
    """Platform roles and scopes exist in the operator tenant only."""

    code, title = "role_not_in_tenant", "This role does not exist in this tenant"


class AlreadyMember(Conflict):
    """The person is a member of the tenant."""

    code, title = "already_member", "This person is a member already"


class AccountExists(Conflict):
    """The e-mail has an account; only its owner may set its password."""

    code, title = "account_exists", "This e-mail has an account already"
