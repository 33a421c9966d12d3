"""Problems of tenancy."""

from http import HTTPStatus
from typing import Any

from registry_api.problems import Conflict, FieldError, Problem, Unprocessable


class TenantExists(Conflict):
    """The slug is taken."""

    code, title = "tenant_exists", "A tenant with this slug exists"


class OperatorTenantFixed(Unprocessable):
    """The operator tenant cannot be suspended or limited: nobody could undo it."""

    code, title = "operator_tenant_fixed", "The operator tenant cannot be suspended or limited"


class TenantDeleted(Conflict):
    """The tenant was deleted; its grace period is over."""

    code, title = "tenant_deleted", "The tenant was deleted"


class QuotaExceeded(Problem):
    """The change would pass a limit of the tenant's plan; `quota` in the document names it with the figures."""

    status, code, title = HTTPStatus.PAYMENT_REQUIRED, "quota_exceeded", "The tenant's plan does not allow more of this"
    remedy = "Remove what is not needed, or ask the operator for a larger plan."

    def __init__(self, quota: str, limit: int, used: int, wanted: int, headers: dict[str, str] | None = None) -> None:
        detail = f"The quota {quota} allows {limit}; {used} are used, and this needs {wanted} more. {self.remedy}"
        super().__init__(detail, errors=[FieldError(quota, self.code, detail)], headers=headers)
        self.figures = {"name": quota, "limit": limit, "used": used, "wanted": wanted}

    def body(self, request_id: str) -> dict[str, Any]:
        """The problem document with the quota's figures."""
        return {**super().body(request_id), "quota": self.figures}


class EventQuotaExceeded(QuotaExceeded):
    """The month's usage events are used up; Retry-After says when the next month begins."""

    status, code, title = HTTPStatus.TOO_MANY_REQUESTS, "event_quota_exceeded", "The month's usage events are used up"
    remedy = "Send the batch again next month, or ask the operator for a larger plan."

    def __init__(self, quota: str, limit: int, used: int, wanted: int, seconds: int) -> None:
        super().__init__(quota, limit, used, wanted, headers={"Retry-After": str(seconds)})
