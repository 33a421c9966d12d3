"""HTTP of automation."""

from typing import Annotated, Any
from uuid import UUID

import orjson
from fastapi import Depends, Path, Request, Response
from pydantic import TypeAdapter

from patchbay.core.clock import utcnow
from registry_api.access import Actor, acting, reading, writing
from registry_api.automation import filters, plans, rules, switches
from registry_api.automation.evaluation import Seen, answered, load, look, take, whose_of
from registry_api.automation.models import EpisodeRow, PlanRow, ProcessRow, RuleRow, SuppressionRow, SwitchRow
from registry_api.automation.processes import Processes, report
from registry_api.automation.repository import Automation
from registry_api.automation.schemas import (
    Approving,
    Because,
    DesiredAnswer,
    DryRunInput,
    EpisodeView,
    PlanView,
    ProcessReports,
    ProcessView,
    RulesStored,
    RuleView,
    SampleInput,
    SuppressionRecord,
    SwitchView,
    TickInput,
    TickView,
)
from registry_api.bodies import read_body
from registry_api.db import Reader, UnitOfWork
from registry_api.filtering import Asked
from registry_api.http import also, api_router, problems
from registry_api.pagination import Page, PagingQuery
from registry_api.problems import InvalidRequest, UnsupportedMedia

router = api_router("automation", "/v1/automation", stability="beta")

AutomationReader = Annotated[Reader, reading("automation:read")]
AutomationWork = Annotated[UnitOfWork, writing("automation:write")]
AutomationActor = Annotated[Actor, acting("automation:write")]
ApproverWork = Annotated[UnitOfWork, writing("automation:approve")]
TickWork = Annotated[UnitOfWork, writing("automation:tick")]
RuleName = Annotated[str, Path(max_length=200)]
SWITCH_NAME: dict[str, Any] = {"pattern": "^(global|tenant|rule:.+)$"}
SwitchScope = Annotated[
    str, Path(max_length=210, description="global, tenant or rule:<name>.", json_schema_extra=SWITCH_NAME)
]

YAML_KINDS = ("application/yaml", "application/x-yaml", "text/yaml")
RULE_BYTES = 1024 * 1024
RULE_EXAMPLE = """automation_rules:
  - name: "Tell us of a surge"
    trigger: {anomaly: uses_per_minute, direction: up, duration: 1m}
    action: {type: mail, to: [ops]}
"""
RULE_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {"application/yaml": {"schema": {"type": "string"}, "examples": {"one": {"value": RULE_EXAMPLE}}}},
    }
}
SAMPLES: TypeAdapter[list[SampleInput]] = TypeAdapter(list[SampleInput])
Refused = problems(unprocessable="The rules have mistakes; `errors` names each with its line.")
NotNow = problems(conflict="The plan is no longer in a state for that.")


@router.put("/rules", summary="Store rules", responses=Refused, openapi_extra=RULE_BODY)
async def put_rules(request: Request, actor: AutomationActor) -> RulesStored:
    """A YAML document; each rule is stored under its name, and one that says the same as before is left alone."""
    kind = request.headers.get("content-type", "").split(";")[0].strip().lower()
    if kind not in YAML_KINDS:
        raise UnsupportedMedia(f"Send the rules as Content-Type: application/yaml, not {kind or 'nothing'}.")
    body = await read_body(request, RULE_BYTES)
    try:
        text = body.decode()
    except UnicodeDecodeError as error:
        raise InvalidRequest(f"The rules are not UTF-8: byte {error.start}.") from error
    parsed = await rules.parsed(text)  # before the transaction: on SQLite, whoever writes would wait for it
    async with actor.writing() as work:
        return await rules.put_rules(work, parsed)


@router.get("/rules", summary="List rules")
async def list_rules(
    paging: PagingQuery, asked: Annotated[Asked, Depends(filters.RULES)], reader: AutomationReader
) -> Page[RuleView]:
    """The tenant's rules, by name."""
    query = asked.where(reader.repository(Automation).rules())
    rows = await paging.rows(reader.session, query, [RuleRow.name, RuleRow.id])
    return rows.page(RuleView.model_validate)


@router.delete("/rules/{name:path}", summary="Delete a rule", status_code=204)
async def delete_rule(name: RuleName, work: AutomationWork) -> None:
    """Its open episodes are lost at the next tick; plans that have begun go on."""
    await rules.delete_rule(work, name)


@router.post(
    "/ticks",
    summary="Evaluate all rules over samples",
    response_model=TickView,
    responses=problems(conflict="The id stands for other samples.", unprocessable="A series comes twice."),
)
async def post_tick(sent: TickInput, work: TickWork) -> Any:
    """Everything in one transaction: states, episodes, plans, intents and jobs. The same id again gives the first answer."""
    return await take(work, sent)


@router.post(
    "/dry-runs", summary="Try rules without any effect", responses=problems(unprocessable="The rules have mistakes.")
)
async def try_rules(wanted: DryRunInput, reader: AutomationReader) -> TickView:
    """What the next tick would come to for this tenant's rules, or for those given; nothing is kept."""
    automation, now = reader.repository(Automation), wanted.at or utcnow()
    given = None if wanted.rules is None else await rules.parsed(wanted.rules)
    whose = whose_of(reader.principal.scope, await automation.standing(), given)
    kept = SAMPLES.validate_python(orjson.loads(await automation.newest_samples() or "[]"))
    seen = Seen.of(kept if wanted.samples is None else wanted.samples).of_tenant(whose)
    tick = await look(reader, automation, whose, seen, load(await automation.states()), now)
    return answered(tick, whose, seen.traces(whose.rules), now)


@router.get("/episodes", summary="List episodes")
async def list_episodes(
    paging: PagingQuery, asked: Annotated[Asked, Depends(filters.EPISODES)], reader: AutomationReader
) -> Page[EpisodeView]:
    """Newest first: each series under each rule from when it became pending."""
    query = asked.where(reader.repository(Automation).episodes())
    rows = await paging.rows(reader.session, query, [EpisodeRow.began_at, EpisodeRow.id], descending=True)
    return rows.page(EpisodeView.model_validate)


@router.get("/suppressions", summary="List firings without effect")
async def list_suppressions(
    paging: PagingQuery, asked: Annotated[Asked, Depends(filters.SUPPRESSIONS)], reader: AutomationReader
) -> Page[SuppressionRecord]:
    """Newest first, each once per episode and reason."""
    query = asked.where(reader.repository(Automation).suppressions())
    order = [SuppressionRow.recorded_at, SuppressionRow.id]
    rows = await paging.rows(reader.session, query, order, descending=True)
    return rows.page(SuppressionRecord.model_validate)


@router.get("/plans", summary="List plans")
async def list_plans(
    paging: PagingQuery, asked: Annotated[Asked, Depends(filters.PLANS)], reader: AutomationReader
) -> Page[PlanView]:
    """Newest first, with what became of them."""
    query = asked.where(reader.repository(Automation).plans())
    rows = await paging.rows(reader.session, query, [PlanRow.recorded_at, PlanRow.id], descending=True)
    return rows.page(plans.view)


@router.get("/plans/{plan_id}", summary="Read a plan")
async def read_plan(plan_id: UUID, reader: AutomationReader) -> PlanView:
    """In absolute values, with its outcome once there is one."""
    return plans.view(await reader.repository(Automation).plan(plan_id))


@router.post("/plans/{plan_id}/approve", summary="Approve a plan", responses=NotNow)
async def approve_plan(plan_id: UUID, seen: Approving, work: ApproverWork) -> PlanView:
    """Lets exactly the plan of that hash run; not by who last changed its rule."""
    return plans.view(await plans.approve(work, plan_id, seen.hash))


@router.post("/plans/{plan_id}/cancel", summary="Cancel a plan", responses=NotNow)
async def cancel_plan(plan_id: UUID, because: Because, work: ApproverWork) -> PlanView:
    """Before it has begun."""
    return plans.view(await plans.cancel(work, plan_id, because.reason))


@router.get("/switches", summary="List kill switches that are on")
async def list_switches(
    paging: PagingQuery, asked: Annotated[Asked, Depends(filters.SWITCHES)], reader: AutomationReader
) -> Page[SwitchView]:
    """The tenant's own."""
    query = asked.where(reader.repository(Automation).own_switches())
    rows = await paging.rows(reader.session, query, [SwitchRow.scope, SwitchRow.id])
    return rows.page(SwitchView.model_validate)


@router.put("/switches/{scope:path}", summary="Stop automation", responses=also(201, SwitchView, "It was not stopped."))
async def put_switch(scope: SwitchScope, because: Because, response: Response, work: AutomationWork) -> SwitchView:
    """From this moment no plan of that scope is made or begins; 201 when it was not stopped before."""
    found, is_new = await switches.turn_on(work, scope, because.reason)
    response.status_code = 201 if is_new else 200
    return SwitchView.model_validate(found)


@router.delete("/switches/{scope:path}", summary="Go on", status_code=204)
async def delete_switch(scope: SwitchScope, work: AutomationWork) -> None:
    """Plans that were stopped stay so; what still fires is planned anew by its next episode."""
    await switches.turn_off(work, scope)


@router.put("/processes", summary="Report processes")
async def put_processes(reports: ProcessReports, work: TickWork) -> DesiredAnswer:
    """What a supervisor runs; the answer says how many replicas and starts are wanted of each."""
    return await report(work, reports.processes)


@router.get("/processes", summary="List processes")
async def list_processes(
    paging: PagingQuery, asked: Annotated[Asked, Depends(filters.PROCESSES)], reader: AutomationReader
) -> Page[ProcessView]:
    """As they were last reported."""
    query = asked.where(reader.repository(Processes).processes())
    return (await paging.rows(reader.session, query, [ProcessRow.name, ProcessRow.id])).page(ProcessView.model_validate)
