"""What minute counters can be filtered by."""

from registry_api.filtering import Filters
from registry_api.usage.models import MinuteCounter

COUNTERS = Filters(
    minute=MinuteCounter.minute,
    type=MinuteCounter.type,
    plugin_id=MinuteCounter.plugin_id,
    release_id=MinuteCounter.release_id,
    tenant_id=MinuteCounter.tenant_id,
    events=MinuteCounter.events,
    errors=MinuteCounter.errors,
    trace_id=MinuteCounter.trace_id,
)
