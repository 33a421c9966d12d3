"""Problems of tenancy."""

from registry_api.problems import Conflict, Unprocessable


class TenantExists(Conflict):
    """The slug is taken."""

    code, title = "tenant_exists", "A tenant with this slug exists"


class OperatorTenantFixed(Unprocessable):
    """The operator tenant cannot be suspended: nobody could undo it."""

    code, title = "operator_tenant_fixed", "The operator tenant cannot be suspended"
