"""What the ledger can be filtered by."""

from patchbay.core.contracts import INTAKE_STREAMS
from registry_api.filtering import Filters, one_of
from registry_api.intake.models import IntakeBatch

BATCHES = Filters(
    stream=one_of(IntakeBatch.stream, *INTAKE_STREAMS),
    batch_id=IntakeBatch.batch_id,
    tenant_id=IntakeBatch.tenant_id,
    received=IntakeBatch.received,
    accepted=IntakeBatch.accepted,
    duplicates=IntakeBatch.duplicates,
    rejected=IntakeBatch.rejected,
    recorded_at=IntakeBatch.recorded_at,
)
