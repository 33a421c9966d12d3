"""Every kind of job: importing this module imports the modules that register handlers."""

from registry_api.intake import jobs as intake
from registry_api.jobs.registry import HANDLERS
from registry_api.usage import jobs as usage

MODULES = (intake, usage)

__all__ = ["HANDLERS", "MODULES"]
