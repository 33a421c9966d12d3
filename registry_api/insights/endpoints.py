"""HTTP of insights."""

from functools import partial
from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, Query, Request, Response
from sqlalchemy import Select

from patchbay.core.contracts.insights import INSIGHTS
from registry_api.access import Actor, acting, reading, writing
from registry_api.catalog.endpoints import PluginPath
from registry_api.catalog.repository import Catalogue
from registry_api.db import Reader, UnitOfWork
from registry_api.filtering import Asked
from registry_api.http import also, api_router, problems
from registry_api.insights import filters, presenting, service
from registry_api.insights.document import rows_body
from registry_api.insights.models import InsightRow, InsightSet
from registry_api.insights.pinning import pinned
from registry_api.insights.repository import Insights
from registry_api.insights.rows import shaped
from registry_api.insights.schemas import (
    AnomalyView,
    ForecastView,
    InsightSetView,
    Kind,
    RecommendationView,
    RiskView,
    SetFacts,
    SimilarView,
)
from registry_api.installs.endpoints import TargetPath
from registry_api.installs.repository import Installs
from registry_api.intake.columnar.receive import HELD, columnar_kind, parse_columnar, whole_body
from registry_api.pagination import Page, PagingQuery
from registry_api.problems import NotFound

router = api_router("insights", stability="beta")

InsightsReader = Annotated[Reader, reading("insights:read")]
InsightsWork = Annotated[UnitOfWork, writing("insights:write")]
InsightsActor = Annotated[Actor, acting("insights:write")]
PluginFilter = Annotated[str | None, Query(max_length=401, description="Id or namespace:name.")]
Conflicting = problems(conflict="The set is there already, is not complete, or there is none to go back to.")
Replaced = problems(conflict="The set that the list began with is no longer kept; start again at the first page.")


@router.get("/insights/{kind}/sets", summary="List kept sets of a kind")
async def list_insight_sets(
    kind: Kind, paging: PagingQuery, asked: Annotated[Asked, Depends(filters.SETS)], reader: InsightsReader
) -> Page[InsightSetView]:
    """Newest record first."""
    insights = reader.repository(Insights)
    head = await insights.head(kind)
    order = [InsightSet.recorded_at, InsightSet.id]
    rows = await paging.rows(reader.session, asked.where(insights.sets(kind)), order, descending=True)
    return rows.page(lambda found: service.view(found, head is not None and found.id == head.set_id))


@router.put(
    "/insights/{kind}/sets/{set_id}",
    summary="Announce a set",
    responses=Conflicting | also(201, InsightSetView, "It is new."),
)
async def put_insight_set(
    kind: Kind, set_id: UUID, facts: SetFacts, response: Response, work: InsightsWork
) -> InsightSetView:
    """What it is made from and how many rows will come; 201 when new, 200 when it is there with the same facts."""
    found, is_new = await service.put_set(work, kind, set_id, facts)
    response.status_code = 201 if is_new else 200
    return found


@router.put(
    "/insights/{kind}/sets/{set_id}/rows",
    summary="Send all rows of a set",
    responses=Conflicting,
    openapi_extra=rows_body(),
)
async def put_insight_rows(kind: Kind, set_id: UUID, request: Request, actor: InsightsActor) -> InsightSetView:
    """NDJSON or an Arrow stream with the columns of the kind, all rows in one body; one bad row refuses all of them."""
    contract, form, limit = INSIGHTS[kind], columnar_kind(request), request.app.state.settings.max_body_bytes
    async with HELD.taken(actor.principal.tenant_id):
        body = await whole_body(request)
        return await service.take_rows(
            actor, kind, set_id, body, partial(shaped, partial(parse_columnar, body, form, contract, limit), contract)
        )


@router.post(
    "/insights/{kind}/sets/{set_id}/activate", summary="Make a set the one that is read", responses=Conflicting
)
async def activate_insight_set(kind: Kind, set_id: UUID, work: InsightsWork) -> InsightSetView:
    """From one moment to the next; the one before stays for a rollback."""
    return await service.activate(work, kind, set_id)


@router.post("/insights/{kind}/rollback", summary="Go back to the set before", responses=Conflicting)
async def roll_back_insights(kind: Kind, work: InsightsWork) -> InsightSetView:
    """Makes the set that was read before the one that is read, and leaves out the other in rollbacks to come."""
    return await service.roll_back(work, kind)


@router.get("/targets/{target}/recommendations", summary="List plugins recommended to a target", responses=Replaced)
async def list_recommendations(
    target: TargetPath,
    paging: PagingQuery,
    asked: Annotated[Asked, Depends(filters.RECOMMENDATIONS)],
    reader: InsightsReader,
) -> Page[RecommendationView]:
    """Best first, each with its reason."""
    found = await reader.repository(Installs).target(target)
    paging = await pinned(paging, reader, "recommendations")
    query = asked.where(reader.repository(Insights).read(paging.pins).where(InsightRow.target_id == found.id))
    rows = await paging.rows(reader.session, query, [InsightRow.position], scalars=False)
    return rows.page(presenting.recommendation)


@router.get("/plugins/{plugin}/similar", summary="List plugins like this one", responses=Replaced)
async def list_similar_plugins(
    plugin: PluginPath, paging: PagingQuery, asked: Annotated[Asked, Depends(filters.SIMILAR)], reader: InsightsReader
) -> Page[SimilarView]:
    """Most alike first, by who takes them up."""
    paging = await pinned(paging, reader, "similar")
    query = await _about(reader, plugin, asked.where(reader.repository(Insights).read(paging.pins)))
    rows = await paging.rows(reader.session, query, [InsightRow.position], scalars=False)
    return rows.page(presenting.similar)


@router.get("/plugins/{plugin}/risk", summary="Read a plugin's risk")
async def read_risk(plugin: PluginPath, reader: InsightsReader) -> RiskView:
    """With the tenant's own impact where it has the plugin; 404 while no risk is known."""
    insights = reader.repository(Insights)
    query = await _about(reader, plugin, insights.risks(insights.heads("risk")))
    row = (await reader.session.execute(query)).first()
    if row is None:
        raise NotFound("No risk is known of this plugin yet; it is scored once a day.")
    return presenting.risk(row)


@router.get("/risk", summary="List risks of plugins", responses=Replaced)
async def list_risks(
    paging: PagingQuery,
    asked: Annotated[Asked, Depends(filters.RISKS)],
    reader: InsightsReader,
    q: Annotated[str | None, Query(max_length=200, description="Words in name, title, summary or labels.")] = None,
) -> Page[RiskView]:
    """Highest first, one row a plugin."""
    paging = await pinned(paging, reader, "risk")
    query = reader.repository(Insights).risks(paging.pins).where(*reader.repository(Catalogue).matching(q))
    order = [InsightRow.score, InsightRow.position]
    rows = await paging.rows(reader.session, asked.where(query), order, descending=True, scalars=False)
    return rows.page(presenting.risk)


@router.get("/anomalies", summary="List anomalies", responses=Replaced)
async def list_anomalies(
    paging: PagingQuery,
    asked: Annotated[Asked, Depends(filters.ANOMALIES)],
    reader: InsightsReader,
    plugin: PluginFilter = None,
) -> Page[AnomalyView]:
    """Newest first: those of the warehouse, and those of the last days as they are found."""
    paging = await pinned(paging, reader, "anomalies", "live_anomalies")
    query = await _about(reader, plugin, reader.repository(Insights).read(paging.pins))
    order = [InsightRow.at, InsightRow.set_id, InsightRow.position]
    rows = await paging.rows(reader.session, asked.where(query), order, descending=True, scalars=False)
    return rows.page(presenting.anomaly)


@router.get("/forecasts", summary="List forecasts", responses=Replaced)
async def list_forecasts(
    paging: PagingQuery,
    asked: Annotated[Asked, Depends(filters.FORECASTS)],
    reader: InsightsReader,
    plugin: PluginFilter = None,
) -> Page[ForecastView]:
    """By series, tenant, plugin and day, each with its interval."""
    paging = await pinned(paging, reader, "forecasts")
    query = await _about(reader, plugin, asked.where(reader.repository(Insights).read(paging.pins)))
    return (await paging.rows(reader.session, query, [InsightRow.position], scalars=False)).page(presenting.forecast)


async def _about(reader: Reader, plugin: str | None, query: Select[Any]) -> Select[Any]:
    if plugin is None:
        return query
    found = await reader.repository(Catalogue).plugin(plugin)
    return query.where(InsightRow.plugin_id == found.id)
