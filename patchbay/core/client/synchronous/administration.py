"""Tenants, jobs, audit, erasure, system."""

from collections.abc import Iterator
from http import HTTPStatus
from typing import Any, BinaryIO

from patchbay.core.client.documents import (
    Audit,
    AuditKey,
    Export,
    Health,
    Job,
    ProblemPage,
    Status,
    Tenant,
    TenantCreated,
    Usage,
    Verdict,
)
from patchbay.core.client.errors import ApiError
from patchbay.core.client.paths import segment
from patchbay.core.client.synchronous.calls import Calls
from patchbay.core.client.uploads import OnProgress


class AdministrationCalls(Calls):
    """How the registry and its tenants are doing."""

    def create_tenant(
        self,
        slug: str,
        name: str,
        *,
        admin_email: str | None = None,
        admin_password: str | None = None,
        plan: str | None = None,
        rules: str | None = None,
    ) -> TenantCreated:
        """A new tenant with its first token, shown this once; `ApiError` tenant_exists when the slug is taken."""
        wanted = {"admin_email": admin_email, "admin_password": admin_password, "plan": plan, "rules": rules}
        given = {name: value for name, value in wanted.items() if value is not None}
        return self._make(TenantCreated, "/v1/tenants", {"slug": slug, "name": name} | given)

    def tenants(self, **filters: Any) -> Iterator[Tenant]:
        """All tenants."""
        return self._list(Tenant, "/v1/tenants", **filters)

    def tenant(self, tenant: str) -> Tenant:
        """One tenant, by id or slug."""
        return self._read(Tenant, f"/v1/tenants/{segment(tenant)}")

    def change_tenant(self, tenant: str, *, if_match: str | int | None = None, **fields: Any) -> Tenant:
        """Set name, status, plan or quotas of a tenant; `quotas` are all the limits that differ from the plan's."""
        return self._change(Tenant, f"/v1/tenants/{segment(tenant)}", fields, if_match)

    def delete_tenant(self, tenant: str) -> Tenant:
        """Have a tenant erased after the grace period; setting its status undoes it until then."""
        answer: Tenant = self.delete(f"/v1/tenants/{segment(tenant)}")
        return answer

    def tenant_usage(self, tenant: str) -> Usage:
        """A tenant's plan, and its use of each quota."""
        return self._read(Usage, f"/v1/tenants/{segment(tenant)}/usage")

    def export_tenant(self, tenant: str) -> Export:
        """Have everything a tenant owns written to one archive; the export, to be read until it is done."""
        return self._make(Export, f"/v1/tenants/{segment(tenant)}/exports")

    def tenant_exports(self, tenant: str, **filters: Any) -> Iterator[Export]:
        """A tenant's exports, newest first."""
        return self._list(Export, f"/v1/tenants/{segment(tenant)}/exports", **filters)

    def tenant_export(self, tenant: str, export_id: str) -> Export:
        """How far an export is."""
        return self._read(Export, f"/v1/tenants/{segment(tenant)}/exports/{segment(export_id)}")

    def tenant_archive(self, tenant: str, export_id: str) -> bytes:
        """The archive of an export that is done, whole in memory."""
        return (self._transport.send("GET", _archive(tenant, export_id))).content

    def download_tenant_archive(
        self, tenant: str, export_id: str, sink: BinaryIO, progress: OnProgress | None = None
    ) -> None:
        """Write the archive of an export that is done into a binary file; `ApiUnreachable` when it breaks off."""
        self._transport.download(_archive(tenant, export_id), sink, progress)

    def create_job(self, kind: str, **fields: Any) -> Job:
        """A new durable job."""
        return self._make(Job, "/v1/jobs", {"kind": kind, **fields})

    def job(self, job_id: str) -> Job:
        """One job with its state."""
        return self._read(Job, f"/v1/jobs/{segment(job_id)}")

    def jobs(self, **filters: Any) -> Iterator[Job]:
        """Jobs, newest first; filters are kind and state, such as `state="dead"`."""
        return self._list(Job, "/v1/jobs", **filters)

    def retry_job(self, job_id: str) -> Job:
        """Have a dead job tried again; `ApiError` job_not_dead when it is not."""
        return self._make(Job, f"/v1/jobs/{segment(job_id)}/retry")

    def cancel_job(self, job_id: str) -> Job:
        """Ask a job to stop."""
        return self._make(Job, f"/v1/jobs/{segment(job_id)}/cancel")

    def erase_person(self, person: str) -> None:
        """Forget a person, by whatever name: the pseudonym and what the audit log has of them at once, the rows by a job."""
        self.delete("/v1/subjects", person=person)

    def audit(self, **filters: Any) -> Iterator[Audit]:
        """The tenant's audit records, newest first; filters are action, subject and actor."""
        return self._list(Audit, "/v1/audit", **filters)

    def export_audit(self, sink: BinaryIO, progress: OnProgress | None = None) -> None:
        """Write the tenant's whole audit chain into a binary file; `ApiUnreachable` when it breaks off."""
        self._transport.download("/v1/audit/export", sink, progress)

    def audit_key(self) -> AuditKey:
        """The public key of the tenant's audit checkpoints."""
        return self._read(AuditKey, "/v1/audit/key")

    def audit_verdict(self) -> Verdict:
        """Whether the registry finds the tenant's audit chain whole."""
        return self._read(Verdict, "/v1/audit/verify")

    def status(self) -> Status:
        """The registry's figures."""
        return self._read(Status, "/v1/system/status")

    def is_ready(self) -> bool:
        """Whether the registry says that it can serve, asked once; raises `ApiUnreachable` when it says nothing."""
        try:
            self._transport.send("GET", "/readyz", once=True)
        except ApiError as error:
            if error.status != HTTPStatus.SERVICE_UNAVAILABLE:
                raise
            return False
        return True

    def health(self) -> Health:
        """That the process runs, with its version."""
        return self._read(Health, "/healthz")

    def metrics(self) -> str:
        """What Prometheus scrapes."""
        return (self._transport.send("GET", "/metrics")).text

    def problem(self, code: str) -> ProblemPage:
        """What a problem means, and what to do about it."""
        return self._read(ProblemPage, f"/problems/{segment(code)}")


def _archive(tenant: str, export_id: str) -> str:
    return f"/v1/tenants/{segment(tenant)}/exports/{segment(export_id)}/content"


# Made by `make client` from patchbay/core/client/asynchronous/administration.py; edit that.
