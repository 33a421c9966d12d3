"""Sessions, tenants, users, tokens, jobs, audit, erasure, system."""

from collections.abc import Iterator
from typing import Any

from patchbay.core.client.calls import Calls, segment


class AdministrationCalls(Calls):
    """Who may do what, and how the registry is doing."""

    def login(self, email: str, password: str, tenant: str | None = None) -> dict[str, Any]:
        """A new session with its token; a wrong password is an `ApiError` with status 401."""
        document = {"email": email, "password": password, "tenant": tenant}
        return dict(self.post("/v1/sessions", {name: value for name, value in document.items() if value is not None}))

    def logout(self) -> None:
        """End the session whose token this client has."""
        self.delete("/v1/sessions/current")

    def me(self) -> dict[str, Any]:
        """Who this token stands for."""
        return dict(self.get("/v1/me"))

    def create_tenant(
        self, slug: str, name: str, *, admin_email: str | None = None, admin_password: str | None = None
    ) -> dict[str, Any]:
        """A new tenant with its first token, shown this once; `ApiError` tenant_exists when the slug is taken."""
        document = {"slug": slug, "name": name, "admin_email": admin_email, "admin_password": admin_password}
        return dict(self.post("/v1/tenants", {name: value for name, value in document.items() if value is not None}))

    def tenant(self, tenant: str) -> dict[str, Any]:
        """One tenant, by id or slug."""
        return dict(self.get(f"/v1/tenants/{segment(tenant)}"))

    def tenants(self) -> Iterator[dict[str, Any]]:
        """All tenants."""
        return self.pages("/v1/tenants", limit=500)

    def create_token(self, name: str, **fields: Any) -> dict[str, Any]:
        """A new token, shown this once; fields are role or scopes, expires_in_days and, for platform tokens, tenant."""
        return dict(self.post("/v1/tokens", {"name": name, **fields}))

    def tokens(self) -> Iterator[dict[str, Any]]:
        """The tenant's tokens, without their secrets."""
        return self.pages("/v1/tokens", limit=500)

    def revoke_token(self, token_id: str) -> None:
        """End a token at once."""
        self.delete(f"/v1/tokens/{segment(token_id)}")

    def create_user(self, email: str, display_name: str, role: str, password: str | None = None) -> dict[str, Any]:
        """A new user of the tenant."""
        document = {"email": email, "display_name": display_name, "role": role}
        return dict(self.post("/v1/users", document | ({"password": password} if password else {})))

    def users(self) -> Iterator[dict[str, Any]]:
        """The tenant's users."""
        return self.pages("/v1/users", limit=500)

    def create_job(self, kind: str, **fields: Any) -> dict[str, Any]:
        """A new durable job."""
        return dict(self.post("/v1/jobs", {"kind": kind, **fields}))

    def job(self, job_id: str) -> dict[str, Any]:
        """One job with its state."""
        return dict(self.get(f"/v1/jobs/{segment(job_id)}"))

    def cancel_job(self, job_id: str) -> Any:
        """Ask a job to stop."""
        return self.post(f"/v1/jobs/{segment(job_id)}/cancel", {})

    def erase_person(self, person: str) -> Any:
        """Forget a person: the pseudonym at once, the rows by a job."""
        return self.delete("/v1/subjects", person=person)

    def audit(self, **filters: Any) -> Iterator[dict[str, Any]]:
        """The tenant's audit records."""
        return self.pages("/v1/audit", **({"limit": 500} | filters))

    def status(self) -> dict[str, Any]:
        """The registry's figures."""
        return dict(self.get("/v1/system/status"))

    def is_ready(self) -> bool:
        """Whether the registry says it can serve; raises `ApiUnreachable` when it says nothing."""
        return bool(self._transport.send("GET", "/readyz").is_success)
