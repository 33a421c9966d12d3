"""What the audit log can be filtered by."""

from registry_api.audit.models import AuditRecord
from registry_api.filtering import Filters

RECORDS = Filters(
    action=AuditRecord.action,
    subject=AuditRecord.subject,
    actor=AuditRecord.actor,
    position=AuditRecord.position,
    at=AuditRecord.recorded_at,
)
