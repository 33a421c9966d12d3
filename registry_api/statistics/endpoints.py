"""HTTP of outside statistics."""

from typing import Annotated

from fastapi import Request, Response

from patchbay.core.contracts import STATISTIC
from registry_api.access import Actor, acting
from registry_api.http import api_router
from registry_api.intake.columnar.document import columnar_body
from registry_api.intake.columnar.receive import receive
from registry_api.intake.ledger import RequiredKeyHeader
from registry_api.intake.schemas import REPLAYED, BatchResult
from registry_api.statistics.stream import STATISTICS

router = api_router("statistics")

EXAMPLE = {
    "plugin": "jenkins:git",
    "version": None,
    "period": "2023-06-01",
    "grain": "month",
    "metric": "installs",
    "count": 251877,
    "source": "jenkins-infra",
}


@router.post(
    "/statistics/batches",
    status_code=201,
    summary="Send counts of an outside registry",
    responses=REPLAYED,
    openapi_extra=columnar_body(STATISTIC, EXAMPLE),
)
async def post_statistics_batch(
    request: Request,
    response: Response,
    actor: Annotated[Actor, acting("statistics:write")],
    idempotency_key: RequiredKeyHeader = None,
) -> BatchResult:
    """NDJSON or an Arrow stream; good rows are kept, each refused one is answered with its reason.

    200 when the key is known.
    """
    return await receive(STATISTICS, request, response, actor, idempotency_key)
