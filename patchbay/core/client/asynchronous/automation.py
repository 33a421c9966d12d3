"""Rules, ticks, and what came of them."""

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from patchbay.core.client.asynchronous.calls import Calls
from patchbay.core.client.documents import (
    Contact,
    Desired,
    DesiredAnswer,
    Episode,
    Plan,
    Process,
    Rule,
    RulesStored,
    SigningKey,
    SigningKeyStored,
    SuppressionRecord,
    Switch,
    Tick,
)
from patchbay.core.client.paths import moment, segment

PATH = "/v1/automation"


class AutomationCalls(Calls):
    """The registry evaluates rules; pipelines only look."""

    async def tick(self, id: UUID | str, at: datetime | str, samples: Sequence[Mapping[str, Any]]) -> Tick:
        """Have every tenant's rules evaluated; the same id again gives the first answer, so it may be repeated."""
        return await self._make(Tick, f"{PATH}/ticks", {"id": str(id), "at": moment(at), "samples": list(samples)})

    async def dry_run(self, **wanted: Any) -> Tick:
        """What a tick would come to: `rules` (YAML), `samples` and `at` in place of those that stand."""
        return await self._ask(Tick, f"{PATH}/dry-runs", wanted)

    async def put_rules(self, text: str) -> RulesStored:
        """Store the rules of a YAML document."""
        kind = {"Content-Type": "application/yaml"}
        answer: RulesStored = await self._transport.json("PUT", f"{PATH}/rules", body=text.encode(), headers=kind)
        return answer

    def rules(self, **filters: Any) -> AsyncIterator[Rule]:
        """The tenant's rules."""
        return self._list(Rule, f"{PATH}/rules", **filters)

    async def delete_rule(self, name: str) -> None:
        """Delete a rule."""
        await self.delete(f"{PATH}/rules/{segment(name)}")

    def episodes(self, **filters: Any) -> AsyncIterator[Episode]:
        """Episodes, newest first; filters are rule and state."""
        return self._list(Episode, f"{PATH}/episodes", **filters)

    def suppressions(self, **filters: Any) -> AsyncIterator[SuppressionRecord]:
        """Firings without effect, newest first."""
        return self._list(SuppressionRecord, f"{PATH}/suppressions", **filters)

    def plans(self, **filters: Any) -> AsyncIterator[Plan]:
        """Plans, newest first; filters are rule and state."""
        return self._list(Plan, f"{PATH}/plans", **filters)

    async def plan(self, plan_id: UUID | str) -> Plan:
        """One plan."""
        return await self._read(Plan, f"{PATH}/plans/{segment(plan_id)}")

    async def approve(self, plan_id: UUID | str, hash: str) -> Plan:
        """Let exactly that plan run."""
        return await self._make(Plan, f"{PATH}/plans/{segment(plan_id)}/approve", {"hash": hash})

    async def cancel(self, plan_id: UUID | str, reason: str) -> Plan:
        """Stop a plan that has not begun."""
        return await self._make(Plan, f"{PATH}/plans/{segment(plan_id)}/cancel", {"reason": reason})

    def switches(self, **filters: Any) -> AsyncIterator[Switch]:
        """Kill switches that are on."""
        return self._list(Switch, f"{PATH}/switches", **filters)

    async def set_switch(self, scope: str, reason: str) -> Switch:
        """Stop: `global`, `tenant` or `rule:<name>`."""
        return await self._put(Switch, f"{PATH}/switches/{segment(scope)}", {"reason": reason})

    async def clear_switch(self, scope: str) -> None:
        """Go on."""
        await self.delete(f"{PATH}/switches/{segment(scope)}")

    async def report_processes(self, processes: Sequence[Mapping[str, Any]]) -> dict[str, Desired]:
        """Say what runs; replicas and generation that are wanted, by name."""
        return (await self._put(DesiredAnswer, f"{PATH}/processes", {"processes": list(processes)}))["desired"]

    def processes(self, **filters: Any) -> AsyncIterator[Process]:
        """Processes as they were last reported."""
        return self._list(Process, f"{PATH}/processes", **filters)

    def contacts(self, **filters: Any) -> AsyncIterator[Contact]:
        """Where mail to teams goes."""
        return self._list(Contact, f"{PATH}/contacts", **filters)

    async def set_contact(self, team: str, addresses: Sequence[str]) -> Contact:
        """Where a team's mail goes."""
        return await self._put(Contact, f"{PATH}/contacts/{segment(team)}", {"addresses": list(addresses)})

    async def delete_contact(self, team: str) -> None:
        """Send a team no more mail."""
        await self.delete(f"{PATH}/contacts/{segment(team)}")

    def signing_keys(self, **filters: Any) -> AsyncIterator[SigningKey]:
        """Names of the keys that webhooks of rules are signed with."""
        return self._list(SigningKey, f"{PATH}/signing-keys", **filters)

    async def set_signing_key(self, name: str, secret: str | None = None) -> SigningKeyStored:
        """Set a key that webhooks are signed with; one that is made is in the answer, this once."""
        document = {"secret": secret} if secret else {}
        return await self._put(SigningKeyStored, f"{PATH}/signing-keys/{segment(name)}", document)

    async def delete_signing_key(self, name: str) -> None:
        """Delete a key."""
        await self.delete(f"{PATH}/signing-keys/{segment(name)}")
