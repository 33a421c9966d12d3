"""Rules of a tenant: put as a YAML document, kept as values."""

from pathlib import Path
from typing import Any

import anyio
from pydantic import ValidationError

from patchbay.automation.grammar import InvalidRules, Mistake, Rule, parse_rules
from patchbay.core.clock import utcnow
from registry_api.automation.models import RuleRow
from registry_api.automation.repository import Automation
from registry_api.automation.schemas import RulesStored
from registry_api.db import UnitOfWork
from registry_api.problems import FieldError, Unprocessable

MOST_RULES = 500
MOST_SHOWN = 100
OPERATORS_ONLY = ("restart", "scale_up", "scale_down", "health_check")
"""Actions on processes, which are the operator's."""


class RulesRefused(Unprocessable):
    """A document of rules with mistakes; `errors` has them with their lines, the first hundred."""

    code, title = "invalid_rules", "The rules are not valid"


async def parsed(text: str) -> tuple[Rule, ...]:
    """The rules of a text; raises `RulesRefused`. In a thread, as a large document takes seconds: nobody else waits."""
    try:
        return await anyio.to_thread.run_sync(parse_rules, text)
    except InvalidRules as error:
        errors = [FieldError(_pointer(one), "invalid_rule", str(one)) for one in error.mistakes[:MOST_SHOWN]]
        raise RulesRefused(str(error.mistakes[0]), errors=errors) from error


def rules_of(path: Path | None) -> tuple[Rule, ...] | None:
    """The rules of a file, None without one; ValueError names the file and what is wrong with it."""
    try:
        return None if path is None else parse_rules(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ValueError(f"the rules in {path} cannot be used: {error}") from error


def _pointer(mistake: Mistake) -> str:
    return "/" + mistake.where.replace(".", "/") if mistake.where else ""


def document_of(rule: Rule) -> dict[str, object]:
    """A rule as values that `Rule` takes again."""
    return rule.model_dump(mode="json")


def restored(row: RuleRow) -> Rule | None:
    """The rule of a row; None for one that today's grammar no longer takes, which is then not evaluated."""
    try:
        return Rule.model_validate(row.document)
    except ValidationError:
        return None


async def put_rules(work: UnitOfWork, rules: tuple[Rule, ...]) -> RulesStored:
    """Store each rule of a document by its name; those that say the same as before are left alone."""
    automation = work.repository(Automation)
    _refuse_foreign(work, rules)
    standing = {row.name: row for row in await automation.standing()}
    if len(standing.keys() | {rule.name for rule in rules}) > MOST_RULES:
        raise RulesRefused(f"A tenant may have {MOST_RULES} rules; delete some first.")
    told = RulesStored(created=[], changed=[], unchanged=[])
    for rule in rules:
        row = standing.get(rule.name)
        if row is not None and row.revision == rule.revision:
            told.unchanged.append(rule.name)
        else:
            (told.created if row is None else told.changed).append(rule.name)
            _store(work, row, rule)
    return told


def _refuse_foreign(work: UnitOfWork, rules: tuple[Rule, ...]) -> None:
    scope = work.principal.scope
    if scope.tenant_id == scope.operator_id:
        return
    for place, rule in enumerate(rules, 1):
        if rule.action.type in OPERATORS_ONLY:
            detail = f"{rule.name!r} would {rule.action.type} processes, which only the operator's rules may."
            pointer = f"/automation_rules/{place}/action/type"
            raise RulesRefused(detail, errors=[FieldError(pointer, "operators_only", detail)])


def _store(work: UnitOfWork, row: RuleRow | None, rule: Rule) -> None:
    before = None if row is None else _recorded(row)
    said: dict[str, Any] = {"revision": rule.revision, "document": document_of(rule), "author": work.principal.actor}
    said["updated_at"] = utcnow()
    if row is None:
        row = RuleRow(tenant_id=work.principal.tenant_id, name=rule.name, **said)
        work.session.add(row)
    else:
        for name, value in said.items():
            setattr(row, name, value)
    work.audit("automation.rule", f"rule:{rule.name}", before=before, after=_recorded(row))


def _recorded(row: RuleRow) -> dict[str, Any]:
    """A rule for the audit log: of the mail addresses it names, only how many."""
    document: dict[str, Any] = {**row.document, "revision": row.revision}
    action = document["action"]
    return document | {"action": action | {"to": len(action["to"])}} if "to" in action else document


async def delete_rule(work: UnitOfWork, name: str) -> None:
    """Delete a rule; its open episodes are lost at the next tick. Raises `NotFound`."""
    row = await work.repository(Automation).rule(name)
    await work.session.delete(row)
    work.audit("automation.rule", f"rule:{name}", before=_recorded(row))
