"""Processes of ours: what their supervisor reports, and what is wanted of them."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import Select, select

from patchbay.automation.conditions import OPERATOR
from patchbay.automation.plans import Target
from patchbay.core.clock import utcnow
from registry_api.automation.models import ProcessRow
from registry_api.automation.schemas import Desired, DesiredAnswer, ProcessReport
from registry_api.db import Repository, UnitOfWork

SILENT = timedelta(seconds=30)
"""A process of which nothing was heard for so long is not healthy, whatever was said last."""


class Processes(Repository):
    """Processes belong to the operator."""

    def processes(self) -> Select[tuple[ProcessRow]]:
        """Those the scope may see."""
        return self.owned(ProcessRow)

    async def all(self, *, locked: bool = False) -> Sequence[ProcessRow]:
        """All of them, by name; the registry's own look, so there is no scope."""
        query = select(ProcessRow).order_by(ProcessRow.name)
        if locked:
            query = query.with_for_update().execution_options(populate_existing=True)
        return (await self.session.execute(query)).scalars().all()


async def report(work: UnitOfWork, reports: Sequence[ProcessReport]) -> DesiredAnswer:
    """Take down what runs, and answer what is wanted.

    A process is wanted as it was first reported until a plan says otherwise. One that was started more often than is
    wanted (it died and came back) is wanted as it is.
    """
    now, known = utcnow(), {row.name: row for row in await work.repository(Processes).all(locked=True)}
    for one in reports:
        row = known.get(one.name)
        if row is None:
            wanted = {"desired_replicas": one.replicas, "desired_generation": one.generation}
            said = one.model_dump() | wanted
            row = known[one.name] = ProcessRow(tenant_id=work.principal.tenant_id, reported_at=now, **said)
            work.session.add(row)
            work.audit("automation.process", f"process:{one.name}", after={"replicas": one.replicas})
        for name, value in one.model_dump().items():
            setattr(row, name, value)
        row.reported_at = now
        row.desired_generation = max(row.desired_generation, one.generation)
    return DesiredAnswer(
        desired={
            one.name: Desired(replicas=known[one.name].desired_replicas, generation=known[one.name].desired_generation)
            for one in reports
        }
    )


def is_well(row: ProcessRow, now: datetime) -> bool:
    """Whether a process is healthy and was heard of lately."""
    return row.healthy and now - row.reported_at <= SILENT


def as_target(row: ProcessRow, now: datetime) -> Target:
    """What planning needs of a process."""
    state = {"replicas": row.replicas, "generation": row.generation, "healthy": is_well(row, now)}
    return Target(row.name, "process", OPERATOR, {"process": row.name}, state)


def is_as_wanted(row: ProcessRow, desired: dict[str, int], since: datetime, now: datetime) -> bool:
    """Whether a report that came after the change says that it is done, and that the process is well."""
    reached = all(getattr(row, name) >= value if name == "generation" else getattr(row, name) == value
                  for name, value in desired.items())  # fmt: skip
    return reached and row.reported_at > since and is_well(row, now)
