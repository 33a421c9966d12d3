"""Rules through the door: a document in, rules by name out, and mistakes with their lines."""

import asyncio
from pathlib import Path
from typing import Any
from urllib.parse import quote

from patchbay.automation.grammar import Rule, parse_rules
from tests.registry_api.automation.support import mail_rule, put_rules
from tests.registry_api.intake_data import items

RULES = Path(__file__).resolve().parents[3] / "rules"


async def test_the_roadmaps_own_document_is_stored_as_it_stands(api: Any) -> None:
    text = (RULES / "roadmap.yaml").read_text()
    stored = await put_rules(api.operator, text)
    assert stored.json() == {
        "created": ["Auto-scale on high load", "Plugin health check"],
        "changed": [],
        "unchanged": [],
    }
    found = await items(api.operator, "/v1/automation/rules")
    assert [Rule.model_validate(row["document"]) for row in found] == list(parse_rules(text))


async def test_every_rule_we_ship_is_taken(api: Any) -> None:
    for path in sorted(RULES.glob("*.yaml")):
        assert (await put_rules(api.operator, path.read_text())).status_code == 200, path


async def test_the_same_rule_again_changes_nothing_and_another_content_is_another_revision(api: Any) -> None:
    await put_rules(api.acme, mail_rule())
    assert (await put_rules(api.acme, mail_rule())).json()["unchanged"] == ["Busy"]
    [before] = await items(api.acme, "/v1/automation/rules")
    assert (await put_rules(api.acme, mail_rule(duration="5m"))).json()["changed"] == ["Busy"]
    [after] = await items(api.acme, "/v1/automation/rules")
    assert before["id"] == after["id"] and before["revision"] != after["revision"]
    told = [row["action"] for row in await items(api.acme, "/v1/audit")]
    assert told.count("automation.rule") == 2


async def test_mistakes_are_named_with_line_and_nearest_key_and_nothing_is_stored(api: Any) -> None:
    text = mail_rule() + mail_rule("Other").removeprefix("automation_rules:\n").replace("threshold", "treshold")
    answer = await put_rules(api.acme, text)
    assert (answer.status_code, answer.json()["type"].rsplit("/", 1)[-1]) == (422, "invalid_rules")
    [unknown, *_] = [e for e in answer.json()["errors"] if "treshold" in e["detail"]]
    assert "rules:7" in unknown["detail"] and "did you mean 'threshold'" in unknown["detail"]
    assert await items(api.acme, "/v1/automation/rules") == []


async def test_what_is_no_yaml_is_refused_by_kind_encoding_and_form(api: Any) -> None:
    path = "/v1/automation/rules"
    assert (await api.acme.put(path, json={})).status_code == 415
    kind = {"Content-Type": "application/yaml"}
    assert (await api.acme.put(path, content=b"\xff", headers=kind)).status_code == 400
    assert (await api.acme.put(path, content=b"a: *b", headers=kind)).status_code == 422


async def test_a_customers_rule_cannot_act_on_the_operators_processes(api: Any) -> None:
    answer = await put_rules(api.acme, (RULES / "usage-surge.yaml").read_text())
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (422, "operators_only")


async def test_a_deleted_rule_is_gone_and_can_be_deleted_once(api: Any) -> None:
    await put_rules(api.acme, mail_rule())
    assert (await api.globex.delete("/v1/automation/rules/Busy")).status_code == 404
    assert (await api.acme.delete("/v1/automation/rules/Busy")).status_code == 204
    assert (await api.acme.delete("/v1/automation/rules/Busy")).status_code == 404


async def test_a_large_document_keeps_nobody_else_waiting(api: Any) -> None:
    done: list[str] = []

    async def put_large() -> None:
        answer = await put_rules(api.acme, "automation_rules:\n" + "  - 1\n" * 30_000)
        assert (answer.status_code, len(answer.json()["errors"])) == (422, 100)
        done.append("rules")

    async def switch() -> None:
        await asyncio.sleep(0.05)
        assert (await api.globex.put("/v1/automation/switches/tenant", json={"reason": "now"})).status_code == 201
        done.append("switch")

    await asyncio.gather(put_large(), switch())
    assert done == ["switch", "rules"]


async def test_a_rule_with_a_slash_in_its_name_can_be_stopped_and_deleted(api: Any) -> None:
    await put_rules(api.acme, mail_rule("CPU/memory"))
    name = quote("CPU/memory", safe="")
    stopped = await api.acme.put(f"/v1/automation/switches/rule:{name}", json={"reason": "too loud"})
    assert (stopped.status_code, stopped.json()["scope"]) == (201, "rule:CPU/memory")
    assert (await api.acme.delete(f"/v1/automation/switches/rule:{name}")).status_code == 204
    assert (await api.acme.delete(f"/v1/automation/rules/{name}")).status_code == 204


async def test_numbers_beyond_what_a_computer_counts_with_are_mistakes(api: Any) -> None:
    whole = "9" * 400
    for said in (f"threshold: {whole}, clear: 5", f"threshold: 10, clear: -{whole}"):
        answer = await put_rules(api.acme, mail_rule().replace("threshold: 10, clear: 5", said))
        assert (answer.status_code, answer.json()["errors"][0]["code"]) == (422, "invalid_rule")
    for key in ("priority", "version"):
        answer = await put_rules(api.acme, mail_rule() + f"    {key}: {10**30}\n")
        assert (answer.status_code, key in answer.json()["errors"][0]["detail"]) == (422, True), answer.text
