"""Every kind of job: importing this module imports the modules that register handlers."""

from registry_api.audit import jobs as audit
from registry_api.automation.acting import job as automation
from registry_api.catalog.sharing import jobs as sharing
from registry_api.identity import notices as identity
from registry_api.intake import jobs as intake
from registry_api.jobs.registry import HANDLERS
from registry_api.tenancy import erasure, exports
from registry_api.usage import jobs as usage
from registry_api.webhooks import jobs as webhooks

MODULES = (audit, automation, erasure, exports, identity, intake, sharing, usage, webhooks)

__all__ = ["HANDLERS", "MODULES"]
