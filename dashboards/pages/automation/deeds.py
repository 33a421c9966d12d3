"""What a person may do to rules and plans; the registry decides, with the person's own token."""

from dash import html

from dashboards.kit import format as f
from dashboards.kit.lists import Cell, table
from dashboards.kit.page import Component, Deed, Told
from patchbay.core.client import Client
from patchbay.core.client.documents import Plan, Suppression


def approve(client: Client, plan_id: str, reason: str) -> Told:
    """Let a plan run as it is now; the registry refuses another plan, and the rule's author."""
    plan = client.plan(plan_id)
    client.approve(plan_id, plan["hash"])
    return Told(f"The plan of “{plan['rule']}” is approved and goes to work.")


def cancel(client: Client, plan_id: str, reason: str) -> Told:
    """Stop a plan that has not begun."""
    return Told(f"The plan of “{client.cancel(plan_id, reason)['rule']}” is cancelled.")


def stop(client: Client, scope: str, reason: str) -> Told:
    """Turn a kill switch on."""
    client.set_switch(scope, reason)
    return Told("Stopped. Nothing more is planned or begun until somebody lets it go on.")


def go_on(client: Client, scope: str, reason: str) -> Told:
    """Turn a kill switch off."""
    client.clear_switch(scope)
    return Told("It goes on. What still fires is planned with its next episode.")


def dry_run(client: Client, subject: str, reason: str) -> Told:
    """What the next tick would come to."""
    told = client.dry_run()
    plans, held = told["plans"], told["suppressed"]
    count = f"{f.plural(len(plans), 'plan')} and {f.plural(len(held), 'firing')} held back"
    return Told(f"A tick now would come to {count}. Nothing was done.", _shown(plans, held))


def _shown(plans: list[Plan], held: list[Suppression]) -> Component:
    rows = [{"rule": p["rule"], "what": p["action"], "how": ", ".join(p["targets"])} for p in plans]
    rows += [{"rule": s["rule"], "what": f"{s['action']}, held: {s['reason']}", "how": s["detail"]} for s in held]
    if not rows:
        return html.P("Nothing fires that has not been planned already.")
    cells = [Cell("Rule", lambda row: row["rule"]), Cell("What", lambda row: row["what"])]
    return table(rows, [*cells, Cell("About", lambda row: row["how"], wide=True)], "Dry run")


WRITE, APPROVE = "automation:write", "automation:approve"
DEEDS = (
    Deed("approve", "Approve", approve, APPROVE, "The plan is carried out as soon as a worker is free."),
    Deed("cancel", "Cancel", cancel, APPROVE, "The plan is not carried out.", reasoned=True),
    Deed("stop", "Stop", stop, WRITE, "From now on nothing of it is planned or begun.", reasoned=True, grave=True),
    Deed("go-on", "Go on", go_on, WRITE, "It is planned and carried out again."),
    Deed("dry-run", "Dry run", dry_run, WRITE),
)
BY_NAME = {deed.name: deed for deed in DEEDS}
