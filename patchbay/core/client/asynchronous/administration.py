"""Tenants, jobs, audit, erasure, system."""

from collections.abc import AsyncIterator
from http import HTTPStatus
from typing import Any, BinaryIO

from patchbay.core.client.asynchronous.calls import Calls
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
from patchbay.core.client.uploads import OnProgress


class AdministrationCalls(Calls):
    """How the registry and its tenants are doing."""

    async def create_tenant(
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
        return await self._make(TenantCreated, "/v1/tenants", {"slug": slug, "name": name} | given)

    def tenants(self, **filters: Any) -> AsyncIterator[Tenant]:
        """All tenants."""
        return self._list(Tenant, "/v1/tenants", **filters)

    async def tenant(self, tenant: str) -> Tenant:
        """One tenant, by id or slug."""
        return await self._read(Tenant, f"/v1/tenants/{segment(tenant)}")

    async def change_tenant(self, tenant: str, *, if_match: str | int | None = None, **fields: Any) -> Tenant:
        """Set name, status, plan or quotas of a tenant; `quotas` are all the limits that differ from the plan's."""
        return await self._change(Tenant, f"/v1/tenants/{segment(tenant)}", fields, if_match)

    async def delete_tenant(self, tenant: str) -> Tenant:
        """Have a tenant erased after the grace period; setting its status undoes it until then."""
        answer: Tenant = await self.delete(f"/v1/tenants/{segment(tenant)}")
        return answer

    async def tenant_usage(self, tenant: str) -> Usage:
        """A tenant's plan, and its use of each quota."""
        return await self._read(Usage, f"/v1/tenants/{segment(tenant)}/usage")

    async def export_tenant(self, tenant: str) -> Export:
        """Have everything a tenant owns written to one archive; the export, to be read until it is done."""
        return await self._make(Export, f"/v1/tenants/{segment(tenant)}/exports")

    def tenant_exports(self, tenant: str, **filters: Any) -> AsyncIterator[Export]:
        """A tenant's exports, newest first."""
        return self._list(Export, f"/v1/tenants/{segment(tenant)}/exports", **filters)

    async def tenant_export(self, tenant: str, export_id: str) -> Export:
        """How far an export is."""
        return await self._read(Export, f"/v1/tenants/{segment(tenant)}/exports/{segment(export_id)}")

    async def tenant_archive(self, tenant: str, export_id: str) -> bytes:
        """The archive of an export that is done, whole in memory."""
        return (await self._transport.send("GET", _archive(tenant, export_id))).content

    async def download_tenant_archive(
        self, tenant: str, export_id: str, sink: BinaryIO, progress: OnProgress | None = None
    ) -> None:
        """Write the archive of an export that is done into a binary file; `ApiUnreachable` when it breaks off."""
        await self._transport.download(_archive(tenant, export_id), sink, progress)

    async def create_job(self, kind: str, **fields: Any) -> Job:
        """A new durable job."""
        return await self._make(Job, "/v1/jobs", {"kind": kind, **fields})

    async def job(self, job_id: str) -> Job:
        """One job with its state."""
        return await self._read(Job, f"/v1/jobs/{segment(job_id)}")

    def jobs(self, **filters: Any) -> AsyncIterator[Job]:
        """Jobs, newest first; filters are kind and state, such as `state="dead"`."""
        return self._list(Job, "/v1/jobs", **filters)

    async def retry_job(self, job_id: str) -> Job:
        """Have a dead job tried again; `ApiError` job_not_dead when it is not."""
        return await self._make(Job, f"/v1/jobs/{segment(job_id)}/retry")

    async def cancel_job(self, job_id: str) -> Job:
        """Ask a job to stop."""
        return await self._make(Job, f"/v1/jobs/{segment(job_id)}/cancel")

    async def erase_person(self, person: str) -> None:
        """Forget a person, by whatever name: the pseudonym and what the audit log has of them at once, the rows by a job."""
        await self.delete("/v1/subjects", person=person)

    def audit(self, **filters: Any) -> AsyncIterator[Audit]:
        """The tenant's audit records, newest first; filters are action, subject and actor."""
        return self._list(Audit, "/v1/audit", **filters)

    async def export_audit(self, sink: BinaryIO, progress: OnProgress | None = None) -> None:
        """Write the tenant's whole audit chain into a binary file; `ApiUnreachable` when it breaks off."""
        await self._transport.download("/v1/audit/export", sink, progress)

    async def audit_key(self) -> AuditKey:
        """The public key of the tenant's audit checkpoints."""
        return await self._read(AuditKey, "/v1/audit/key")

    async def audit_verdict(self) -> Verdict:
        """Whether the registry finds the tenant's audit chain whole."""
        return await self._read(Verdict, "/v1/audit/verify")

    async def status(self) -> Status:
        """The registry's figures."""
        return await self._read(Status, "/v1/system/status")

    async def is_ready(self) -> bool:
        """Whether the registry says that it can serve, asked once; raises `ApiUnreachable` when it says nothing."""
        try:
            await self._transport.send("GET", "/readyz", once=True)
        except ApiError as error:
            if error.status != HTTPStatus.SERVICE_UNAVAILABLE:
                raise
            return False
        return True

    async def health(self) -> Health:
        """That the process runs, with its version."""
        return await self._read(Health, "/healthz")

    async def metrics(self) -> str:
        """What Prometheus scrapes."""
        return (await self._transport.send("GET", "/metrics")).text

    async def problem(self, code: str) -> ProblemPage:
        """What a problem means, and what to do about it."""
        return await self._read(ProblemPage, f"/problems/{segment(code)}")


def _archive(tenant: str, export_id: str) -> str:
    return f"/v1/tenants/{segment(tenant)}/exports/{segment(export_id)}/content"
