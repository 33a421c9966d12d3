"""Checkpoints on demand."""

from typing import Any

from patchbay.core.audit.anchors import open_anchors
from registry_api.audit.anchoring import Anchoring
from registry_api.jobs.context import JobContext
from registry_api.jobs.registry import handler
from registry_api.secrets import checkpoint_key


@handler("audit.checkpoint", requestable=True)
async def checkpoint(job: JobContext) -> dict[str, Any]:
    """Sign the present end of the tenant's chain and keep it outside of the database; dead where that is refused."""
    anchoring = Anchoring(job.database, open_anchors(job.settings), checkpoint_key(job.settings))
    made = await anchoring.anchor(job.tenant_id, job.claim.operator_id)
    return {"anchored": None if made is None else made.size}
