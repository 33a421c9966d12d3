"""Problems of identity."""

from http import HTTPStatus

from registry_api.problems import Conflict, Forbidden, Problem, Unauthenticated, Unprocessable


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


class TokenNotRotatable(Conflict):
    """The token is over, stands for another person, or is a CI job's or a process's of ours."""

    code, title = "token_not_rotatable", "This token cannot be rotated"


class SecondFactorNeeded(Unauthenticated):
    """The password is right, and the account has a second factor."""

    code, title = "second_factor_needed", "Send the code of your second factor"


class SecondFactorSet(Conflict):
    """The account has a second factor already."""

    code, title = "second_factor_set", "There is a second factor already"


class CodeWrong(Unprocessable):
    """The code is wrong, too old, or was used."""

    code, title = "code_wrong", "The code is wrong, too old, or was used"


class PasswordWrong(Forbidden):
    """The password that was to prove who asks is wrong."""

    code, title = "password_wrong", "The password is wrong"


class PasswordBreached(Unprocessable):
    """The password is on a list of those that attackers try first."""

    code, title = "password_breached", "This password is known to attackers"


class CrossSite(Forbidden):
    """A change with a cookie that did not come from a page of this very site."""

    code, title = "cross_site", "Another site cannot do this with your session"


class TooManyAttempts(Problem):
    """Too many wrong sign-ins to one account from one address."""

    status, code, title = HTTPStatus.TOO_MANY_REQUESTS, "too_many_attempts", "Too many wrong attempts from here"

    def __init__(self, detail: str, retry_after: int) -> None:
        super().__init__(detail, headers={"Retry-After": str(retry_after)})


class TooManyCodes(TooManyAttempts):
    """Too many wrong codes of a second factor at one account, from wherever, each with the right password."""

    code, title = "too_many_codes", "Too many wrong codes at this account"


class LastAdministrator(Conflict):
    """Without this person nobody could administer the tenant."""

    code, title = "last_administrator", "This is the last administrator"


class ExchangeRefused(Unauthenticated):
    """A CI token that is not valid here, was used, or is of no trusted workflow."""

    code, title = "exchange_refused", "This CI token cannot be exchanged"
