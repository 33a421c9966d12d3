"""Kill switches: whoever may act on rules may stop them, at once and with a reason."""

from collections.abc import Iterable
from uuid import UUID

from sqlalchemy import delete

from registry_api.automation.models import SwitchRow
from registry_api.automation.repository import Automation
from registry_api.db import UnitOfWork
from registry_api.problems import FieldError, Forbidden, InvalidRequest, NotFound

GLOBAL, TENANT, RULE = "global", "tenant", "rule:"


def held(switches: Iterable[SwitchRow], tenant_id: UUID, operator_id: UUID) -> frozenset[str]:
    """What stops the rules of a tenant: the words of `Facts.stopped`."""
    words = set()
    for switch in switches:
        is_own = switch.tenant_id == tenant_id
        if switch.scope == TENANT:
            words |= {GLOBAL} if is_own else {f"tenant:{switch.tenant_id}"}
        elif is_own or (switch.scope == GLOBAL and switch.tenant_id == operator_id):
            words.add(switch.scope)
    return frozenset(words)


async def turn_on(work: UnitOfWork, scope: str, reason: str) -> tuple[SwitchRow, bool]:
    """Stop; the switch, and whether it was off before. Raises `Forbidden` and `InvalidRequest`."""
    _judge(work, scope)
    found = await _find(work, scope)
    if found is not None:
        return found, False
    made = SwitchRow(tenant_id=work.principal.tenant_id, scope=scope, reason=reason, set_by=work.principal.actor)
    work.session.add(made)
    await work.session.flush()
    work.audit("automation.stop", f"switch:{scope}", after={"reason": reason})
    return made, True


async def turn_off(work: UnitOfWork, scope: str) -> None:
    """Go on; raises `NotFound` where nothing was stopped."""
    found = await _find(work, scope)
    if found is None:
        raise NotFound(f"The switch {scope[:210]!r} is not on.")
    mine = (SwitchRow.tenant_id == work.principal.tenant_id, SwitchRow.scope == scope)
    await work.session.execute(delete(SwitchRow).where(*mine))
    work.audit("automation.go_on", f"switch:{scope}", before={"reason": found.reason})


async def _find(work: UnitOfWork, scope: str) -> SwitchRow | None:
    query = work.repository(Automation).own_switches().where(SwitchRow.scope == scope)
    return (await work.session.execute(query)).scalar_one_or_none()


def _judge(work: UnitOfWork, scope: str) -> None:
    own = work.principal.scope
    if scope == GLOBAL and own.tenant_id != own.operator_id:
        raise Forbidden("Only the operator stops everything; stop your own rules with the switch tenant.")
    if scope not in (GLOBAL, TENANT) and not (scope.startswith(RULE) and len(scope) > len(RULE)):
        detail = f"There is no switch {scope[:210]!r}; there are global, tenant and rule:<name>."
        raise InvalidRequest(detail, errors=[FieldError("scope", "unknown_switch", detail)])
